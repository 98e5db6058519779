"""Who shares a watch, and what each of them is told of what comes through it. Pure: no thread, no clock, no request.

A member is told a `Listed` of its own objects, then every change after it, once and in order. The stream may run behind
or ahead of that list: what it brings before the list was asked for is in the list; what it brings until the list is
there is held, and then, as later, what the list already holds is left out, by its version.

Nothing of the objects is kept. Whoever joins is listed, together with all others that wait, by one request.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field

from dagset.cluster.news import Changed, Inbox, Listed, Trouble
from dagset.cluster.protocol import Event, Listing, Manifest
from dagset.cluster.versions import is_later
from dagset.errors import DagsetError

__all__ = ["Batch", "Member", "Roster"]

Key = tuple[str, ...]
MOST_KEYS = 128  # in one list: a selector of 3 KB
MANY_ITEMS = 2000  # in the answer of one list (20 MB of pods); lists that bring more ask for fewer keys the next time


@dataclass(eq=False, slots=True)
class Member:
    """One subscription: `key` is what its objects carry under the roster's labels."""

    key: Key
    inbox: Inbox
    held: list[Changed] | None = None  # while its list is under way
    after: str | None = None  # its list's version, until the stream has passed it
    is_live: bool = False
    is_troubled: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """Members that are listed by one request: all objects whose `label` has one of these values."""

    label: str
    values: tuple[str, ...]
    members: tuple[Member, ...]
    epoch: int


@dataclass(slots=True)
class Roster:
    """The members of one watch, by key. `names` are the labels that tell them apart, the first is listed by."""

    kind: str
    names: tuple[str, ...]
    size: int = 16
    epoch: int = 0
    is_open: bool = False  # the stream has a beginning, and every list from now on is of a later version
    _members: dict[Key, list[Member]] = field(default_factory=dict)
    _waiting: dict[Member, None] = field(default_factory=dict)  # in the order of their coming

    def join(self, member: Member) -> None:
        """Take in a member that is told nothing until it was listed."""
        self._members.setdefault(member.key, []).append(member)
        self._waiting[member] = None

    def leave(self, member: Member) -> None:
        """Tell it nothing more; fine when it has left."""
        others = [one for one in self._members.get(member.key, ()) if one is not member]
        if others:
            self._members[member.key] = others
        else:
            self._members.pop(member.key, None)
        self._waiting.pop(member, None)

    @property
    def has_members(self) -> bool:
        """Tell whether anybody is there."""
        return bool(self._members)

    @property
    def has_waiting(self) -> bool:
        """Tell whether anybody can be listed now."""
        return bool(self._waiting)

    def lost(self) -> None:
        """The stream has lost its place: list everybody anew, whose lists are under way and who wait first."""
        everybody = [member for members in self._members.values() for member in members]
        under_way = [member for member in everybody if member.held is not None]
        for member in everybody:
            member.held, member.after, member.is_live = None, None, False
        self._waiting = dict.fromkeys([*under_way, *self._waiting, *everybody])
        self.epoch, self.is_open = self.epoch + 1, False

    def batch(self) -> Batch:
        """Return the next members to list; what the stream brings for them from now on is held."""
        values: dict[str, None] = {}
        taken = []
        for member in self._waiting:
            if len(values) == self.size and member.key[0] not in values:
                break
            values[member.key[0]] = None
            taken.append(member)
        for member in taken:
            del self._waiting[member]
            member.held = []
        return Batch(self.names[0], tuple(values), tuple(taken), self.epoch)

    def listed(self, batch: Batch, listing: Listing) -> None:
        """Tell the members of a batch what was found, and what was held; an outdated batch is listed again anyway."""
        if batch.epoch != self.epoch:
            return
        self.is_open = True
        self.size = max(1, self.size // 2) if len(listing.items) > MANY_ITEMS else min(MOST_KEYS, self.size * 2)
        found: dict[Hashable, list[Manifest]] = {}
        for item in listing.items:
            found.setdefault(self._key(item), []).append(item)
        for member in self._still_there(batch):
            self._well(member, since_s=0.0)
            member.inbox.put(Listed(self.kind, tuple(found.get(member.key, ()))))
            held, member.held = member.held or [], None
            member.after, member.is_live = listing.resource_version, True
            for changed in held:
                self._tell(member, changed)

    def put_back(self, batch: Batch) -> None:
        """Have the members of a batch that was not listed wait again, before all others."""
        if batch.epoch == self.epoch:
            members = self._still_there(batch)
            for member in members:
                member.held = None
            self._waiting = dict.fromkeys([*members, *self._waiting])

    def changed(self, event: Event) -> None:
        """Tell whom it concerns."""
        for member in tuple(self._members.get(self._key(event.object), ())):
            changed = Changed(self.kind, event.verb, event.object)
            if member.held is not None:
                member.held.append(changed)
            elif member.is_live:
                self._tell(member, changed)

    def troubled(self, error: DagsetError | None, *, since_s: float, only: Batch | None = None) -> None:
        """Tell everybody, or only a batch, that they cannot see their objects, or (None) that they can again."""
        everybody = [one for members in self._members.values() for one in members]
        for member in everybody if only is None else self._still_there(only):
            if error is not None:
                member.is_troubled = True
                member.inbox.put(Trouble(self.kind, error, since_s))
            else:
                self._well(member, since_s=since_s)

    def _tell(self, member: Member, changed: Changed) -> None:
        if member.after is not None:
            if not is_later(changed.object["metadata"]["resourceVersion"], than=member.after):
                return
            member.after = None  # a stream is in order: whatever follows is later as well
        member.inbox.put(changed)

    def _well(self, member: Member, *, since_s: float) -> None:
        if member.is_troubled:
            member.is_troubled = False
            member.inbox.put(Trouble(self.kind, None, since_s))

    def _still_there(self, batch: Batch) -> list[Member]:
        return [member for member in batch.members if any(m is member for m in self._members.get(member.key, ()))]

    def _key(self, manifest: Manifest) -> Key:
        labels = manifest["metadata"].get("labels") or {}
        return tuple(labels.get(name, "") for name in self.names)
