"""For who uses the local cluster: start it when nobody serves, stop it, say how it is. Imports nothing heavy."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dagset.local.errors import LocalClusterFailed
from dagset.local.state import StateDir, default_state_dir, held, is_alive, is_held

__all__ = ["ensure_running", "revive", "status", "stop"]

_START_S = 60.0  # usually one; on a machine with much else to do, more
_STOP_S = 60.0
_POLL_S = 0.01
_LAST_LINES = 15


def ensure_running(state_dir: Path | None = None) -> Path:
    """Give the kubeconfig of a local cluster that serves, started now if need be; it stays for at least its idle time.

    Raises:
        LocalClusterFailed: with the log file and its last lines.
    """
    state = _state(state_dir)
    state.prepare()
    if not _is_serving(state):
        _start(state)
    return state.kubeconfig


def revive(state_dir: Path | None = None) -> None:
    """Start a daemon again that died; one that was stopped stays so, for that was somebody's wish.

    Raises:
        LocalClusterFailed: it was stopped, or does not start.
    """
    if not _state(state_dir).daemon.exists():  # a daemon that ends by itself takes the file along
        raise LocalClusterFailed("the local cluster was stopped; `dagset list` starts it again, and its nodes go on")
    ensure_running(state_dir)


def stop(state_dir: Path | None = None) -> bool:
    """End the daemon and its pods, and wait until it is gone; False when none ran.

    Raises:
        LocalClusterFailed: when it does not end in time.
    """
    state = _state(state_dir)
    if not state.lock.exists() or not is_held(state.lock):
        return False
    _wait(lambda: state.lock.read_text() != "", seconds=1)  # it writes its pid right after it has the lock
    pid = state.lock.read_text()
    with contextlib.suppress(ProcessLookupError):
        os.kill(int(pid), signal.SIGTERM)
    if not _wait(lambda: not is_held(state.lock), seconds=_STOP_S):
        raise LocalClusterFailed(f"the local cluster (pid {pid}) did not end in {_STOP_S:.0f} s; {_log_of(state)}")
    with contextlib.suppress(ChildProcessError):  # if we were the one who started it, do not leave a zombie
        os.waitpid(int(pid), 0)
    return True


def status(state_dir: Path | None = None) -> dict[str, Any]:
    """Give what there is to know: running, state_dir, log, kubeconfig, and of a running one pid, port, version."""
    state = _state(state_dir)
    told = _told(state)
    found = {"running": False, "state_dir": str(state.path), "log": str(state.log)}
    if told is None or not is_alive(told["pid"]) or not is_held(state.lock):
        return found
    return {**found, "running": True, "kubeconfig": str(state.kubeconfig), **told}


def _state(state_dir: Path | None) -> StateDir:
    return StateDir(default_state_dir() if state_dir is None else state_dir.absolute())


def _is_serving(state: StateDir) -> bool:
    """Say whether a daemon serves, and tell it that it is needed.

    The touch comes first: a daemon that is about to end for idleness sees it, or has already taken the file away.
    """
    try:
        os.utime(state.daemon)
    except FileNotFoundError:
        return False
    told = _told(state)
    # A killed daemon's lock and port live on for a moment in a child that it was just starting: hence its pid too.
    return told is not None and is_alive(told["pid"]) and is_held(state.lock) and _answers(told["port"])


def _told(state: StateDir) -> dict[str, Any] | None:
    try:
        told: dict[str, Any] = json.loads(state.daemon.read_bytes())
    except FileNotFoundError:
        return None
    return told


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def _start(state: StateDir) -> None:
    """Start a daemon and wait until it serves; of several clients only one does, the others wait for it."""
    end = time.monotonic() + _START_S
    while (lock := held(state.start_lock)) is None:
        if _is_serving(state):
            return
        if time.monotonic() > end:
            raise LocalClusterFailed(f"another process is starting the local cluster, for {_START_S:.0f} s already")
        time.sleep(_POLL_S)
    try:
        if not _is_serving(state):
            _await(state, _spawn(state), end=end)
    finally:
        os.close(lock)


def _spawn(state: StateDir) -> "subprocess.Popen[bytes]":
    with state.log.open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "dagset.local", "--state", str(state.path)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd="/",
        )


def _await(state: StateDir, process: "subprocess.Popen[bytes]", *, end: float) -> None:
    while not _is_serving(state):
        if process.poll() is not None:
            raise LocalClusterFailed(f"the local cluster could not start; {_log_of(state)}")
        if time.monotonic() > end:
            process.terminate()
            raise LocalClusterFailed(f"the local cluster did not start in {_START_S:.0f} s; {_log_of(state)}")
        time.sleep(_POLL_S)
    process.returncode = 0  # it lives on without us: no ResourceWarning about a child that still runs


def _log_of(state: StateDir) -> str:
    """Give the last lines; of an error that is told in a sentence, that alone."""
    try:
        lines = state.log.read_text(errors="replace").splitlines()[-_LAST_LINES:]
    except FileNotFoundError:
        lines = []
    lines = lines[-1:] if lines and lines[-1].startswith("the state directory") else lines
    return "\n  ".join([f"its log {state.log} ends with:", *(lines or ["(nothing)"])])


def _wait(condition: Callable[[], bool], *, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(_POLL_S)
    return True
