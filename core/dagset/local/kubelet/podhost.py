"""The pod host: starts the pods' processes, stamps their output, ends them, and ends them all when the daemon is gone.

A process of its own, because forking a small process is quick, because what a pod prints then never holds up the API
server, and because it outlives a killed daemon just long enough to clean up. It reads orders from stdin and writes
events to stdout, one JSON object per line:

    {"do": "start", "id", "argv", "env", "cwd", "log", "hosts", "hostname", "mounts", "spare", "memory_bytes"}
    {"do": "signal", "id", "signal"}
    {"event": "ready", "namespaces": "mount"|"user"|null, "why"}    {"event": "started", "id", "pid", "at"}
    {"event": "refused", "id", "stage", "errno", "text", "at"}      {"event": "ended", "id", "status", "is_oom", "at"}

An id is that of a container, `<pod uid>/<name>`; each is a process group. `ended` is said when the log is complete and
no process of the group is left.
"""

import contextlib
import json
import os
import resource
import selectors
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

from dagset.local.kubelet.memory import too_large
from dagset.local.kubelet.podrun import PodRun
from dagset.local.kubelet.sandbox import become_subreaper, probe, run_pod
from dagset.local.kubelet.strays import namespace_of, orphans

__all__ = ["PodHost", "main"]

_CHUNK = 64 * 1024
_PATIENCE_S = 2.0  # for processes that SIGKILL does not end at once (they wait for a disk)
_SWEEP_AFTER_S = 1.0
_POLL_S = 0.02
_WEIGH_S, _WEIGH_REST = 0.2, 10.0


class PodHost:
    """The loop. Single thread; waits only in `select`."""

    def __init__(self, *, probe_hosts: str) -> None:
        become_subreaper()
        self._mode, why = probe(probe_hosts)
        self._soft_files, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self._runs: dict[str, PodRun] = {}
        self._by_pid: dict[int, PodRun] = {}
        self._ended_sessions: set[int] = set()
        self._sweep_at: float | None = None
        self._weigh_at: float | None = None
        self._selector = selectors.DefaultSelector()
        self._orders = b""
        self._is_told_to_end = False
        self._wake_on_child()
        self._watch(0, self._read_orders)
        self._tell({"event": "ready", "namespaces": self._mode, "why": why})

    def run(self) -> None:
        """Work until stdin ends, then end every pod."""
        while not self._is_told_to_end:
            for key, _ in self._selector.select(self._patience_s()):
                key.data()
            self._settle()
        self._end_everything()

    def _wake_on_child(self) -> None:
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        os.set_blocking(writing, False)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._watch(reading, lambda: self._reap(reading))

    def _watch(self, fd: int, action: Callable[[], None]) -> None:
        self._selector.register(fd, selectors.EVENT_READ, action)

    def _unwatch(self, fd: int) -> None:
        self._selector.unregister(fd)  # first: a child that was just forked may keep a closed one alive in the selector
        os.close(fd)

    def _tell(self, event: dict[str, Any]) -> None:
        line = json.dumps({**event, "at": time.time()}).encode() + b"\n"
        try:
            while line:
                line = line[os.write(1, line) :]
        except BrokenPipeError:
            self._is_told_to_end = True

    def _read_orders(self) -> None:
        data = os.read(0, _CHUNK)
        if not data:
            self._is_told_to_end = True
        *orders, self._orders = (self._orders + data).split(b"\n")
        for order in map(json.loads, orders):
            if order["do"] == "start":
                self._start(order)
            elif (run := self._runs.get(order["id"])) is not None and run.status is None:
                run.signal(order["signal"])

    def _start(self, order: dict[str, Any]) -> None:
        me, opened = os.getpid(), []
        try:
            opened.append(os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
            opened += os.pipe()
            opened += os.pipe()
            log, output, output_end, errors, errors_end = opened
            pid = os.fork()
        except OSError as error:
            for fd in opened:
                os.close(fd)
            text = os.strerror(error.errno or 0)
            self._tell({"event": "refused", "id": order["id"], "stage": "fork", "errno": error.errno, "text": text})
            return
        if pid == 0:
            files = self._soft_files
            run_pod(order, mode=self._mode, output=output_end, errors=errors_end, parent=me, files=files)
        os.close(output_end)
        os.close(errors_end)
        for fd in (output, errors):
            os.set_blocking(fd, False)
        memory_bytes = order["memory_bytes"]
        run = PodRun(id=order["id"], pid=pid, log=log, output=output, errors=errors, memory_bytes=memory_bytes)
        self._runs[run.id] = self._by_pid[pid] = run
        self._watch(output, lambda: self._take_output(run))
        self._watch(errors, lambda: self._take_errors(run))
        if memory_bytes is not None and self._weigh_at is None:
            self._weigh_at = time.monotonic() + _WEIGH_S

    def _take_output(self, run: PodRun) -> None:
        if not run.take_output() and run.output is not None:
            self._unwatch(run.output)
            run.output = None

    def _take_errors(self, run: PodRun) -> None:
        report = run.take_errors()
        if report is None or run.errors is None:
            return
        self._unwatch(run.errors)
        run.errors = None
        if report:
            self._forget(run)
            self._tell({"event": "refused", "id": run.id, **report})
        else:
            self._tell({"event": "started", "id": run.id, "pid": run.pid})

    def _forget(self, run: PodRun) -> None:
        for fd in (run.output, run.errors):
            if fd is not None:
                self._unwatch(fd)
        run.output = run.errors = None
        run.close()
        del self._runs[run.id]
        self._by_pid.pop(run.pid, None)

    def _reap(self, wake: int) -> None:
        with contextlib.suppress(BlockingIOError):
            while os.read(wake, _CHUNK):
                pass
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0] != 0:
                if (run := self._by_pid.get(ended[0])) is not None:
                    run.has_ended(ended[1])
                    self._ended_sessions.add(run.pid)
                    self._sweep_at = self._sweep_at or time.monotonic() + _SWEEP_AFTER_S

    def _settle(self) -> None:
        """Say of each pod whose main process has ended that it is over, when it is; sweep when it is time."""
        now = time.monotonic()
        for run in [run for run in self._by_pid.values() if run.status is not None]:
            self._take_errors(run)
            if run.id not in self._runs:  # it never became the pod's program
                continue
            if run.is_over() or now > run.ended_at + _PATIENCE_S:
                self._forget(run)
                self._tell({"event": "ended", "id": run.id, "status": run.status, "is_oom": run.is_oom})
            elif run.output is not None and now > run.ended_at + _POLL_S:
                self._sweep_at = min(self._sweep_at or now, now)  # somebody still holds the log open
        if self._sweep_at is not None and now >= self._sweep_at:
            self._sweep()
        if self._weigh_at is not None and now >= self._weigh_at:
            self._weigh(now)

    def _weigh(self, now: float) -> None:
        """Kill what uses more memory than it may; look again soon, or later when looking takes long."""
        limits = {
            run.pid: run.memory_bytes
            for run in self._by_pid.values()
            if run.status is None and run.memory_bytes is not None
        }
        for pid in too_large(limits) if limits else ():
            self._by_pid[pid].is_oom = True
            self._by_pid[pid].signal(signal.SIGKILL)
        took_s = time.monotonic() - now
        self._weigh_at = time.monotonic() + max(_WEIGH_S, _WEIGH_REST * took_s) if limits else None

    def _sweep(self) -> None:
        """Kill what pods that are over have left behind in other process groups or sessions."""
        self._sweep_at = None
        running = [run for run in self._by_pid.values() if run.status is None]
        spaces = {run.namespace for run in running}
        for orphan in orphans(known=self._by_pid.keys()):
            is_left_over = orphan.session in self._ended_sessions
            if not is_left_over and self._mode is not None and all(run.errors is None for run in running):
                space = namespace_of(orphan.pid)
                is_left_over = space is not None and space not in spaces
            if is_left_over:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(orphan.pid, signal.SIGKILL)
        self._ended_sessions = {run.pid for run in self._by_pid.values() if run.status is not None}

    def _patience_s(self) -> float | None:
        if any(run.status is not None for run in self._by_pid.values()):
            return _POLL_S
        times = [at for at in (self._sweep_at, self._weigh_at) if at is not None]
        return max(0.0, min(times) - time.monotonic()) if times else None

    def _end_everything(self) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        for run in self._by_pid.values():
            run.signal(signal.SIGKILL)
        while time.monotonic() < deadline:
            for orphan in orphans(known=()):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(orphan.pid, signal.SIGKILL)
            try:
                while os.waitpid(-1, os.WNOHANG)[0] != 0:
                    pass
            except ChildProcessError:
                break
            time.sleep(0.005)
        for run in self._runs.values():
            run.take_output()
            run.close()


def main() -> None:
    """Serve one kubelet: the argument is a file that stands for /etc/hosts when namespaces are tried."""
    PodHost(probe_hosts=sys.argv[1]).run()


if __name__ == "__main__":
    main()
