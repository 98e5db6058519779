"""Reading a log: what the kubelet wrote to `<state>/pods/<uid>/<container>.log`, each line `<RFC3339Nano> <text>`."""

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from dagset.local.objects import Object
from dagset.local.requests import Query
from dagset.local.status import bad_request

__all__ = ["LogQuery", "check_log", "container_in", "has_ended", "is_assigned", "log_path", "read_log"]

_CHUNK = 64 * 1024
_FOLLOW_S = 0.05


@dataclass(frozen=True)
class LogQuery:
    """Which part of a log is wanted; `since` is a comparable form of a UTC time, "" for everything."""

    follow: bool = False
    timestamps: bool = False
    since: str = ""
    tail_lines: int | None = None
    limit_bytes: int | None = None

    @classmethod
    def read(cls, query: Query, *, now: float) -> "LogQuery":
        """Give the wanted part, or refuse it with 400."""
        since = query.values.get("sinceTime", "")
        seconds = query.number("sinceSeconds")
        if seconds is not None:
            since = datetime.fromtimestamp(max(now - seconds, 0.0), UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        if since:
            since = _comparable(_in_utc(since))
        limits = query.number("tailLines"), query.number("limitBytes")
        return cls(query.flag("follow"), query.flag("timestamps"), since, *limits)


def log_path(state_dir: Path, *, pod_uid: str, container: str) -> Path:
    """Give the place of a container's log; agreed with the kubelet."""
    return state_dir / "pods" / pod_uid / f"{container}.log"


def container_in(pod: Object, *, query: Query) -> str:
    """Give the name of the container whose log is wanted.

    Raises:
        ApiError: 400, the pod has no such container, or several and none is named (words of the real API).
    """
    name, spec = pod["metadata"]["name"], pod.get("spec") or {}
    names = [container["name"] for container in spec.get("containers") or []]
    inits = [container["name"] for container in spec.get("initContainers") or []]
    container = query.values.get("container") or names[0]
    if len(names) > 1 and not query.values.get("container"):
        others = f" or one of the init containers: [{' '.join(inits)}]" if inits else ""
        choice = f"choose one of: [{' '.join(names)}]{others}"
        raise bad_request(f"a container name must be specified for pod {name}, {choice}")
    if container not in (*names, *inits):
        raise bad_request(f"container {container} is not valid for pod {name}")
    return container


def check_log(pod: Object, *, container: str, query: Query, exists: bool) -> None:
    """Refuse (400) what a kubelet would: an earlier run of a container, and one that has not started."""
    name, waiting = pod["metadata"]["name"], _state(pod, container=container).get("waiting") or {}
    if query.flag("previous"):
        raise bad_request(f'previous terminated container "{container}" in pod "{name}" not found')
    if not exists and is_assigned(pod) and (pod.get("status") or {}).get("phase") == "Pending":
        reason = waiting.get("reason", "ContainerCreating")
        raise bad_request(f'container "{container}" in pod "{name}" is waiting to start: {reason}')


def has_ended(pod: Object, *, container: str) -> bool:
    """Say whether a container has ended, and so its log."""
    return "terminated" in _state(pod, container=container)


def _state(pod: Object, *, container: str) -> Object:
    status = pod.get("status") or {}
    told = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    states: list[Object] = [one.get("state") or {} for one in told if one["name"] == container]
    return states[0] if states else {}


def is_assigned(pod: Object) -> bool:
    """Say whether a host has the pod; before, its log is empty (204, tried with the real API)."""
    return bool((pod.get("spec") or {}).get("nodeName"))


async def read_log(path: Path, *, query: LogQuery, is_over: Callable[[], bool]) -> AsyncIterator[bytes]:
    """Give the wanted lines in pieces; with `follow`, until `is_over` and everything written by then is read.

    A file that goes away while it is read is read to its end; one that is not there yet is waited for.
    """
    left = query.limit_bytes
    async for text in _pieces(path, query=query, is_over=is_over):
        if left is None:
            yield text
        elif left > 0:
            yield text[:left]
            left -= len(text)
        if left is not None and left <= 0:
            return


async def _pieces(path: Path, *, query: LogQuery, is_over: Callable[[], bool]) -> AsyncIterator[bytes]:
    file: io.FileIO | None = None
    rest = b""
    try:
        while True:
            is_last = not query.follow or is_over()  # asked before reading: what was written until then is read
            file = file or _opened(path, tail_lines=query.tail_lines)
            while file is not None and (chunk := file.read(_CHUNK)):
                lines, newline, rest = (rest + chunk).rpartition(b"\n")
                if text := _shown(lines + newline, query=query):
                    yield text
                await asyncio.sleep(0)
            if is_last:
                if rest:
                    yield _shown(rest, query=query)
                return
            await asyncio.sleep(_FOLLOW_S)
    finally:
        if file is not None:
            file.close()


def _opened(path: Path, *, tail_lines: int | None) -> io.FileIO | None:
    try:
        file = io.FileIO(path)
    except FileNotFoundError:
        return None
    if tail_lines is not None:
        file.seek(_start_of_tail(file, lines=tail_lines))
    return file


def _start_of_tail(file: io.FileIO, *, lines: int) -> int:
    """Give the offset of the last `lines` lines, reading from the end; an unfinished last line counts."""
    end = start = file.seek(0, io.SEEK_END)
    if lines == 0:
        return end
    tail = b""
    while start > 0 and tail[:-1].count(b"\n") < lines:
        start = max(0, start - _CHUNK)
        file.seek(start)
        tail = file.read(end - start)
    cut = len(tail)
    for _ in range(lines):
        cut = tail.rfind(b"\n", 0, max(cut - 1, 0)) + 1
        if cut == 0:
            break
    return start + cut


def _shown(text: bytes, *, query: LogQuery) -> bytes:
    if query.timestamps and not query.since:
        return text
    return b"".join(_lines_shown(text, query=query))


def _lines_shown(text: bytes, *, query: LogQuery) -> list[bytes]:
    found = []
    for line in text.splitlines(keepends=True):
        stamp, _, rest = line.partition(b" ")
        if query.since and _comparable(stamp.decode(errors="replace")) < query.since:
            continue
        found.append(line if query.timestamps else rest)
    return found


def _in_utc(time: str) -> str:
    if time.endswith("Z"):
        return time
    try:
        return datetime.fromisoformat(time).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    except ValueError as error:
        raise bad_request(f"sinceTime must be an RFC 3339 time, not {time!r}") from error


def _comparable(time: str) -> str:
    """Give a UTC time with nine decimals, so that text order is time order."""
    seconds, _, fraction = time.rstrip("Z").partition(".")
    return f"{seconds}.{fraction:0<9}"
