"""The one process of a local cluster: API server, garbage collector, reaper and whatever manages the pods."""

import asyncio
import contextlib
import json
import logging
import os
import secrets
import signal
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from importlib.metadata import version
from logging.handlers import RotatingFileHandler
from pathlib import Path

from aiohttp import web

from dagset.local.api import Api
from dagset.local.errors import LocalClusterFailed
from dagset.local.gc import Collector
from dagset.local.kubeconfig import kubeconfig_text
from dagset.local.objects import timestamp
from dagset.local.state import StateDir, held, is_alive, write_private
from dagset.local.store import Store
from dagset.local.tls import ensure_certificates, server_context
from dagset.local.ttl import Reaper, is_finished

__all__ = ["Daemon", "Managing", "run_daemon"]

Managing = Callable[[Store, Path], Awaitable[None]]

_IDLE_S = 900.0
_LOCK_S = 10.0  # a predecessor may still be ending its pods
_MAX_LOG_BYTES = 1 << 20
_MAX_HEADER_BYTES = 1 << 20  # as Go's HTTP server has it, which answers 431 and not 400: a label selector may be long
logger = logging.getLogger(__name__)


class Daemon:
    """Serves one state directory until told to stop, or idle for long, or failed.

    `managing(store, state_dir)` runs as a task: it acts on Jobs, JobSets and pods, and ends the pods when cancelled.
    """

    def __init__(self, state: StateDir, *, managing: Managing, idle_s: float) -> None:
        self._state = state
        self._managing = managing
        self._idle_s = idle_s
        self._stopping = asyncio.Event()
        self._store = Store(state.database)
        self._token = _kept_token(state)
        self._api = Api(self._store, state_dir=state.path, token=self._token)

    def stop(self) -> None:
        """Ask the daemon to end; `run` returns when everything has."""
        self._stopping.set()

    async def run(self) -> None:
        """Serve; leaves no kubeconfig behind. Raises what a task of the cluster failed with."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        runner = web.AppRunner(
            self._api.application(),
            handle_signals=False,
            handler_cancellation=True,
            access_log=None,
            shutdown_timeout=2,
            max_line_size=_MAX_HEADER_BYTES,
            max_field_size=_MAX_HEADER_BYTES,
        )
        await runner.setup()
        try:
            await self._serve(runner)
        finally:
            self._state.daemon.unlink(missing_ok=True)
            self._state.kubeconfig.unlink(missing_ok=True)
            self._store.end_watches()
            await runner.cleanup()
            self._store.close()

    async def _serve(self, runner: web.AppRunner) -> None:
        certificates = ensure_certificates(self._state.path)
        listener = _listener(self._state)
        await web.SockSite(runner, listener, ssl_context=server_context(certificates)).start()
        self._announce(listener.getsockname()[1], ca=certificates.ca.read_bytes())  # on a full disk nothing is begun
        works = [self._managing(self._store, self._state.path), Collector(self._store).run(), Reaper(self._store).run()]
        tasks = [asyncio.ensure_future(work) for work in (*works, self._stopping.wait(), self._idle())]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        self._state.daemon.unlink(missing_ok=True)  # from here on clients start a new daemon, which waits for the lock
        logger.info("ending")
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)  # the API still answers, so followers see how the pods end
        for task in done:
            task.result()

    def _announce(self, port: int, *, ca: bytes) -> None:
        write_private(self._state.port, content=str(port).encode())
        text = kubeconfig_text(port=port, token=self._token, ca=ca)
        write_private(self._state.kubeconfig, content=text.encode())
        told = {"pid": os.getpid(), "port": port, "started_at": timestamp(time.time()), "version": version("dagset")}
        write_private(self._state.daemon, content=json.dumps(told).encode())
        logger.info("serving %s on port %d", self._state.path, port)

    async def _idle(self) -> None:
        """Return when nobody has asked for anything in a long time and no node is unfinished."""
        while True:
            await asyncio.sleep(max(0.05, min(self._idle_s - self._unused_s(), 60.0)))
            if self._unused_s() >= self._idle_s and not self._has_unfinished() and self._withdraw():
                logger.info("idle for %.0f s", self._idle_s)
                return

    def _unused_s(self) -> float:
        return min(self._api.idle_s, time.time() - self._state.daemon.stat().st_mtime)

    def _has_unfinished(self) -> bool:
        """Say whether a Job, a JobSet or a pod of its own still has something to do."""
        present = ((kind, thing) for kind in ("Job", "JobSet", "Pod") for thing in self._store.list(kind)[0])
        return any(not is_finished(kind, thing=thing) for kind, thing in present)

    def _withdraw(self) -> bool:
        """Take daemon.json away, unless a client touched it at the last moment: then it counts on us."""
        aside = self._state.daemon.with_suffix(".ending")
        self._state.daemon.rename(aside)
        if time.time() - aside.stat().st_mtime < self._idle_s:
            aside.rename(self._state.daemon)
            return False
        aside.unlink()
        return True


def run_daemon(state: StateDir, *, managing: Managing) -> None:
    """Be the daemon of a state directory; returns when it ended in order.

    Raises:
        LocalClusterFailed: when the directory is not fit for use, or another daemon has it.
    """
    state.prepare()
    lock = _locked(state)
    try:
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        _log_to(state.log)
        asyncio.run(_run(state, managing=managing, idle_s=_idle_s(os.environ)))
    finally:
        os.ftruncate(lock, 0)
        os.close(lock)


async def _run(state: StateDir, *, managing: Managing, idle_s: float) -> None:
    try:
        await Daemon(state, managing=managing, idle_s=idle_s).run()
    except Exception:
        logger.exception("the local cluster failed")
        raise


def _idle_s(environment: Mapping[str, str]) -> float:
    text = environment.get("DAGSET_LOCAL_IDLE_S", str(_IDLE_S))
    try:
        return float(text)
    except ValueError as error:
        raise LocalClusterFailed(f"DAGSET_LOCAL_IDLE_S must be a number of seconds, not {text!r}") from error


def _locked(state: StateDir) -> int:
    end = time.monotonic() + _LOCK_S
    while (lock := held(state.lock)) is None:
        pid = state.lock.read_text()
        is_serving = state.daemon.exists() and pid.isdecimal() and is_alive(int(pid))
        if is_serving or time.monotonic() > end:
            raise LocalClusterFailed(f"the state directory {state.path} is in use by the daemon with pid {pid}")
        time.sleep(0.02)
    state.daemon.unlink(missing_ok=True)  # left behind by a killed one
    return lock


def _listener(state: StateDir) -> socket.socket:
    """Give a listening socket on loopback: on the last port if it is free."""
    last = int(state.port.read_text()) if state.port.exists() else 0
    for port in (last, 0):
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return listener
        listener.close()
    raise LocalClusterFailed("no port on 127.0.0.1 can be listened on")


def _kept_token(state: StateDir) -> str:
    if not state.token.exists():
        write_private(state.token, content=secrets.token_urlsafe(32).encode())
    return state.token.read_text()


def _log_to(path: Path) -> None:
    handler = RotatingFileHandler(path, maxBytes=_MAX_LOG_BYTES, backupCount=1)
    form = "%(asctime)s %(levelname)s %(name)s: %(message)s"
    logging.basicConfig(handlers=[handler], level=logging.INFO, format=form)
