"""What a watch tells its subscribers, and what they write it into."""

from dataclasses import dataclass
from typing import Protocol

from dagset.cluster.protocol import Manifest, Verb
from dagset.errors import DagsetError

__all__ = ["Changed", "Inbox", "Listed", "News", "Trouble"]


@dataclass(frozen=True, slots=True)
class Listed:
    """All objects of the kind as they are now; whatever was known before and is not among them is gone."""

    kind: str
    items: tuple[Manifest, ...]


@dataclass(frozen=True, slots=True)
class Changed:
    """One object was ADDED, MODIFIED or DELETED."""

    kind: str
    verb: Verb
    object: Manifest


@dataclass(frozen=True, slots=True)
class Trouble:
    """The kind cannot be seen for `since_s` seconds; it is being tried again. `error` None: it is seen again.

    `polls`: it is seen, but only by a list every few seconds, for watching it is refused; told once.
    """

    kind: str
    error: DagsetError | None
    since_s: float
    polls: bool = False


News = Listed | Changed | Trouble


class Inbox(Protocol):
    """Where news goes: a `queue.SimpleQueue`, or whatever hands on to an event loop.

    Several subscriptions may write into one; who follows many nodes by one queue gives each an inbox of its own that
    adds the node's name.
    """

    def put(self, item: News, /) -> None:
        """Take one piece of news at once, without waiting: the thread that calls tells others after us."""
