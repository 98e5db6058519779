"""The last changes, in order, and watches that read along."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import takewhile
from typing import Literal

import msgspec

from dagset.local.errors import Expired
from dagset.local.objects import Object, labels_of
from dagset.local.selectors import Selector, matches

__all__ = ["Change", "History", "Verb", "Watch", "change_of"]

Verb = Literal["ADDED", "MODIFIED", "DELETED"]


@dataclass(frozen=True, slots=True)
class Change:
    """One committed change. The object is kept as JSON: ten thousand of them as dicts would cost 100 MB."""

    version: int
    verb: Verb
    kind: str
    namespace: str
    text: bytes
    labels: dict[str, str]
    labels_before: dict[str, str] | None


class History:
    """The last `size` changes of each kind, so that a busy kind cannot expire the watches of a quiet one."""

    def __init__(self, *, version: int, size: int) -> None:
        self.version = version
        self.ended = False
        self._changes: defaultdict[str, deque[Change]] = defaultdict(lambda: deque(maxlen=size))
        self._floors: defaultdict[str, int] = defaultdict(lambda: version)
        self._sleepers: defaultdict[str, set[asyncio.Event]] = defaultdict(set)

    def add(self, change: Change) -> None:
        """Take the next change and wake the watches of its kind."""
        changes = self._changes[change.kind]
        if len(changes) == changes.maxlen:
            self._floors[change.kind] = changes[0].version
        changes.append(change)
        self.version = change.version
        for sleeper in self._sleepers[change.kind]:
            sleeper.set()

    def end(self) -> None:
        """Say that no more changes will be read, and wake everybody."""
        self.ended = True
        for sleepers in self._sleepers.values():
            for sleeper in sleepers:
                sleeper.set()

    def after(self, version: int, *, kind: str) -> list[Change]:
        """Give all changes of a kind after that version, oldest first.

        Raises:
            Expired: when some of them are forgotten, or the version is one that this store has not reached.
        """
        if version < self._floors[kind]:
            raise Expired(f"too old resource version: {version} ({self._floors[kind]})")
        if version > self.version:
            raise Expired(f"too large resource version: {version} ({self.version})")
        newest_first = takewhile(lambda change: change.version > version, reversed(self._changes[kind]))
        return [*newest_first][::-1]

    def add_sleeper(self, kind: str, *, sleeper: asyncio.Event) -> None:
        """Have the event set at every change of that kind, until it is taken away again."""
        self._sleepers[kind].add(sleeper)

    def remove_sleeper(self, kind: str, *, sleeper: asyncio.Event) -> None:
        """Leave that event alone from now on."""
        self._sleepers[kind].discard(sleeper)


class Watch:
    """One reader of the history: a cursor, so a slow reader costs no memory and in the end gets Expired."""

    def __init__(
        self,
        history: History,
        *,
        kind: str,
        namespace: str | None,
        selector: Selector,
        since: int,
        where: Callable[[Object], bool] | None = None,
    ) -> None:
        history.after(since, kind=kind)  # raises Expired at once, not at the first read
        self._history = history
        self._kind = kind
        self._namespace = namespace
        self._selector = selector
        self._where = where
        self._sleeper = asyncio.Event()
        self._sleeper.set()
        self.version = since
        history.add_sleeper(kind, sleeper=self._sleeper)

    @property
    def ended(self) -> bool:
        """Whether the server is going away."""
        return self._history.ended

    def close(self) -> None:
        """Stop being woken."""
        self._history.remove_sleeper(self._kind, sleeper=self._sleeper)

    async def wait(self) -> None:
        """Return when there may be something to read; may be cancelled at any time without losing anything."""
        await self._sleeper.wait()

    def read(self) -> list[tuple[Verb, Object]]:
        """Give what happened since the last read, as this watch sees it, oldest first."""
        self._sleeper.clear()
        changes = self._history.after(self.version, kind=self._kind)
        self.version = self._history.version
        return [event for change in changes if (event := self._seen(change)) is not None]

    def _seen(self, change: Change) -> tuple[Verb, Object] | None:
        if self._namespace is not None and change.namespace != self._namespace:
            return None
        verb = self._verb(change)
        if verb is None:
            return None
        thing: Object = msgspec.json.decode(change.text)
        return (verb, thing) if self._where is None or self._where(thing) else None

    def _verb(self, change: Change) -> Verb | None:
        """Say what it is to this selector: entering is ADDED, leaving is DELETED, as in Kubernetes."""
        is_inside = change.verb != "DELETED" and matches(self._selector, change.labels)
        was_inside = change.labels_before is not None and matches(self._selector, change.labels_before)
        match was_inside, is_inside:
            case True, True:
                return "MODIFIED"
            case True, False:
                return "DELETED"
            case False, True:
                return "ADDED"
            case _:
                return None


def change_of(verb: Verb, *, kind: str, thing: Object, text: bytes, before: Object | None) -> Change:
    """Give the record of one change; `before` is None for a new object."""
    metadata = thing["metadata"]
    labels_before = None if before is None else labels_of(before)
    version = int(metadata["resourceVersion"])
    return Change(version, verb, kind, metadata.get("namespace") or "", text, labels_of(thing), labels_before)
