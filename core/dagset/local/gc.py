"""The garbage collector: deletes what lost its owners, and lets owners go when their dependents are gone.

Source:
    Kubernetes, "Garbage Collection": cascading deletion, foreground, background and orphan; owners count by uid.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from dagset.local.objects import FOREGROUND, ORPHAN, Object, finalizers_of, is_deleting, key_of
from dagset.local.resources import RESOURCES
from dagset.local.store import Store

__all__ = ["Collector", "Decision", "decide"]

_KNOWN_KINDS = {resource.kind for resource in RESOURCES}
_BREATH = 200  # objects worked off before others on the event loop get their turn
Reference = dict[str, Any]


@dataclass(frozen=True)
class Decision:
    """What to do with one object: delete it with this propagation, or drop owners (uids) or a finalizer."""

    propagation: str | None = None
    drop_owners: frozenset[str] = frozenset()
    drop_finalizer: str | None = None
    orphan_dependents: bool = False


def decide(thing: Object, *, owner_of: Callable[[Reference], Object | None], dependents: Iterable[Object]) -> Decision:
    """Say what the collector has to do with an object now.

    Args:
        owner_of: the owner that a reference names, by uid; None when it is gone. An owner of a kind that this cluster
            does not serve must be given as any live object.
        dependents: all objects with a reference to this one; read no further than needed, there may be 10,000.
    """
    finalizers = finalizers_of(thing)
    if is_deleting(thing) and ORPHAN in finalizers:
        return Decision(drop_finalizer=ORPHAN, orphan_dependents=True)
    if is_deleting(thing):
        is_free = FOREGROUND in finalizers and not any(_blocks(each, owner=thing) for each in dependents)
        return Decision(drop_finalizer=FOREGROUND) if is_free else Decision()
    owners = [(reference["uid"], owner_of(reference)) for reference in _references(thing)]
    lost = {uid for uid, owner in owners if owner is None}
    waiting = {uid for uid, owner in owners if owner is not None and _waits(owner)}
    if len(lost) + len(waiting) < len({uid for uid, _ in owners}):
        return Decision(drop_owners=frozenset(lost | waiting))
    if not owners:
        return Decision()
    return Decision(propagation="Foreground" if waiting and any(True for _ in dependents) else "Background")


class Collector:
    """Runs `decide` over everything that may need it: all objects at first, then what changed and its relatives."""

    def __init__(self, store: Store) -> None:
        self._store = store
        # Whether the dependents are to be looked at too: needed once per change of the object, not per dependent gone.
        self._queue: dict[tuple[str, str, str], bool] = {}
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Work until cancelled."""
        unsubscribe = self._store.subscribe(self._changed)
        try:
            for resource in RESOURCES:
                for thing in self._store.list(resource.kind)[0]:
                    self._changed("ADDED", resource.kind, thing)
            while True:
                await self._wake.wait()
                self._wake.clear()
                await self._work()
        finally:
            unsubscribe()

    async def _work(self) -> None:
        done = 0
        while self._queue:
            kind, namespace, name = next(iter(self._queue))
            spread = self._queue.pop((kind, namespace, name))
            thing = self._store.get(kind, namespace, name)
            if thing is not None:
                self._act(kind, thing, spread=spread)
            done += 1
            if done % _BREATH == 0:
                await asyncio.sleep(0)

    def _changed(self, verb: str, kind: str, thing: Object) -> None:
        for reference in _references(thing) if verb != "ADDED" else ():
            # Only an owner on its way out waits for its dependents; looking at all of them costs each pod of an array.
            if reference["kind"] in _KNOWN_KINDS and is_deleting(self._owner_of(thing)(reference) or {"metadata": {}}):
                self._enqueue(reference["kind"], key_of(thing)[0], reference["name"], spread=False)
        if verb == "DELETED":
            self._enqueue_dependents(thing)
        elif _references(thing) or finalizers_of(thing):
            self._enqueue(kind, *key_of(thing))

    def _act(self, kind: str, thing: Object, *, spread: bool) -> None:
        dependents = self._store.owned_by(thing["metadata"]["uid"])
        decision = decide(thing, owner_of=self._owner_of(thing), dependents=(each for _, each in dependents))
        if spread and _waits(thing):
            for dependent_kind, each in dependents:
                if _blocks(each, owner=thing) and not is_deleting(each):
                    self._enqueue(dependent_kind, *key_of(each))
        if decision.orphan_dependents:
            for dependent_kind, each in dependents:
                self._store.update(dependent_kind, _without_owners(each, uids=frozenset({thing["metadata"]["uid"]})))
        if decision.drop_finalizer is not None:
            self._store.update(kind, _without_finalizer(thing, finalizer=decision.drop_finalizer))
        elif decision.propagation is not None:
            uid = thing["metadata"]["uid"]
            self._store.delete(kind, *key_of(thing), uid=uid, propagation=decision.propagation)
        elif decision.drop_owners:
            self._changed("MODIFIED", kind, thing)  # its former owners may be free now
            self._store.update(kind, _without_owners(thing, uids=decision.drop_owners))

    def _owner_of(self, thing: Object) -> Callable[[Reference], Object | None]:
        def owner_of(reference: Reference) -> Object | None:
            if reference["kind"] not in _KNOWN_KINDS:
                return {"metadata": {}}
            for namespace in (key_of(thing)[0], ""):
                found = self._store.get(reference["kind"], namespace, reference["name"])
                if found is not None and found["metadata"]["uid"] == reference["uid"]:
                    return found
            return None

        return owner_of

    def _enqueue(self, kind: str, namespace: str, name: str, *, spread: bool = True) -> None:
        self._queue[kind, namespace, name] = spread or self._queue.get((kind, namespace, name), False)
        self._wake.set()

    def _enqueue_dependents(self, thing: Object) -> None:
        for kind, each in self._store.owned_by(thing["metadata"]["uid"]):
            self._enqueue(kind, *key_of(each))


def _references(thing: Object) -> list[Reference]:
    return thing["metadata"].get("ownerReferences") or []


def _waits(owner: Object) -> bool:
    return is_deleting(owner) and FOREGROUND in finalizers_of(owner)


def _blocks(dependent: Object, *, owner: Object) -> bool:
    uid = owner["metadata"]["uid"]
    return any(each["uid"] == uid and each.get("blockOwnerDeletion") is True for each in _references(dependent))


def _without_finalizer(thing: Object, *, finalizer: str) -> Object:
    kept = [each for each in finalizers_of(thing) if each != finalizer]
    metadata = {key: value for key, value in thing["metadata"].items() if key != "finalizers"}
    return {**thing, "metadata": metadata | ({"finalizers": kept} if kept else {})}


def _without_owners(thing: Object, *, uids: frozenset[str]) -> Object:
    kept = [each for each in _references(thing) if each["uid"] not in uids]
    metadata = {key: value for key, value in thing["metadata"].items() if key != "ownerReferences"}
    return {**thing, "metadata": metadata | ({"ownerReferences": kept} if kept else {})}
