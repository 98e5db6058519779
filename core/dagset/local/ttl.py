"""What is deleted when its time is over: finished Jobs and JobSets (ttlSecondsAfterFinished), and events."""

import asyncio
import time
from collections.abc import Callable
from datetime import datetime

from dagset.local.objects import Object, is_deleting, key_of
from dagset.local.store import Store

__all__ = ["Reaper", "expires_at", "is_finished"]

_EVENT_TTL_S = 3600  # as the real API server keeps them
_FINISHED = {"Job": ("Complete", "Failed"), "JobSet": ("Completed", "Failed")}


def is_finished(kind: str, *, thing: Object) -> bool:
    """Say whether a Job, JobSet or Pod has ended, well or not."""
    if kind == "Pod":
        return (thing.get("status") or {}).get("phase") in ("Succeeded", "Failed")
    return _finished_at(kind, thing) is not None


def expires_at(kind: str, *, thing: Object) -> float | None:
    """Give the Unix time at which an object is to be deleted; None while it runs, has no ttl or is being deleted."""
    if is_deleting(thing):
        return None
    if kind == "Event":
        return _seconds(thing.get("lastTimestamp") or thing["metadata"]["creationTimestamp"]) + _EVENT_TTL_S
    ttl_s, finished_at = (thing.get("spec") or {}).get("ttlSecondsAfterFinished"), _finished_at(kind, thing)
    return None if ttl_s is None or finished_at is None else _seconds(finished_at) + float(ttl_s)


def _seconds(time_text: str) -> float:
    return datetime.fromisoformat(time_text).timestamp()


def _finished_at(kind: str, thing: Object) -> str | None:
    """Give when the ending condition came: ttl counts from there (jobset: pkg/controllers/ttl_after_finished.go)."""
    for condition in (thing.get("status") or {}).get("conditions") or []:
        if condition["type"] in _FINISHED[kind] and condition["status"] == "True":
            time_text: str | None = condition.get("lastTransitionTime") or thing["metadata"]["creationTimestamp"]
            return time_text
    return None


_WATCHED = (*_FINISHED, "Event")


class Reaper:
    """Deletes what has expired, when it expires; looks at nothing in between."""

    def __init__(self, store: Store, *, now: Callable[[], float] = time.time) -> None:
        self._store = store
        self._now = now
        self._due: dict[tuple[str, str, str], float] = {}
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Work until cancelled."""
        unsubscribe = self._store.subscribe(self._changed)
        try:
            for kind in _WATCHED:
                for thing in self._store.list(kind)[0]:
                    self._changed("ADDED", kind, thing)
            while True:
                self._reap()
                await self._until_next()
        finally:
            unsubscribe()

    def _changed(self, verb: str, kind: str, thing: Object) -> None:
        if kind not in _WATCHED:
            return
        due = None if verb == "DELETED" else expires_at(kind, thing=thing)
        if due is not None:
            self._due[kind, *key_of(thing)] = due
            self._wake.set()
        else:
            self._due.pop((kind, *key_of(thing)), None)

    def _reap(self) -> None:
        for place in [place for place, due in self._due.items() if due <= self._now()]:
            # Their MODIFIED or DELETED event takes them off the list.
            self._store.delete(*place, propagation="Background" if place[0] == "Event" else "Foreground")

    async def _until_next(self) -> None:
        self._wake.clear()
        wait_s = min(self._due.values()) - self._now() if self._due else None
        try:
            async with asyncio.timeout(wait_s):
                await self._wake.wait()
        except TimeoutError:
            return
