"""What the controllers have to look at, and when."""

import asyncio
import contextlib
import heapq

__all__ = ["Key", "WorkQueue"]

Key = tuple[str, str, str]  # kind, namespace, name


class WorkQueue:
    """Keys with the moment at which each is due. A key is in it once, at the earliest moment asked for."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, Key]] = []
        self._due: dict[Key, float] = {}
        self._rests_until: dict[Key, float] = {}
        self._earlier = asyncio.Event()

    def add(self, key: Key, *, after_s: float = 0.0) -> None:
        """Have the key given out after so many seconds, or as soon as it has rested."""
        due = max(asyncio.get_running_loop().time() + after_s, self._rests_until.get(key, 0.0))
        if due < self._due.get(key, float("inf")):
            self._due[key] = due
            heapq.heappush(self._heap, (due, key))
            self._earlier.set()

    def rest(self, key: Key, *, seconds: float) -> None:
        """Have what is added for this key from now on wait at least so long."""
        self._rests_until[key] = asyncio.get_running_loop().time() + seconds

    def forget(self, key: Key) -> None:
        """Drop what is remembered of a key whose object is gone."""
        self._rests_until.pop(key, None)

    async def get(self) -> Key:
        """Wait for a key that is due."""
        while (wait_s := self._wait_s()) is None or wait_s > 0:
            self._earlier.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):  # not wait_for: before Python 3.12 it may swallow a cancellation
                    await self._earlier.wait()
        _, key = heapq.heappop(self._heap)
        del self._due[key]
        return key

    def _wait_s(self) -> float | None:
        while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)  # it was asked for earlier since, or is done
        return self._heap[0][0] - asyncio.get_running_loop().time() if self._heap else None
