"""The objects of the local cluster: in memory to read, in one SQLite file to last, with versions and watches."""

import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import msgspec

from dagset.local.disk import Disk
from dagset.local.errors import AlreadyExists, Conflict, Expired, NotFound, StoreError
from dagset.local.history import History, Verb, Watch, change_of
from dagset.local.index import Index
from dagset.local.objects import (
    Object,
    born,
    finalizers_for,
    finalizers_of,
    generated_name,
    grace_of,
    is_deleting,
    key_of,
    marked,
    numbered,
    replaced,
)
from dagset.local.resources import resource_of
from dagset.local.selectors import Selector, selector_of

__all__ = ["AlreadyExists", "Conflict", "Expired", "NotFound", "Object", "Store", "StoreError", "Verb"]

HISTORY_SIZE = 10_000
Labels = Mapping[str, str] | Selector | None
Objects = list[Object]  # the method `list` hides the type inside the class
Owned = list[tuple[str, Object]]
Callback = Callable[[Verb, str, Object], None]
Condition = Callable[[Object], bool]

logger = logging.getLogger(__name__)


class Store:
    """Every object, by kind, namespace ("" for cluster-wide kinds) and name. Single thread: that of the event loop.

    What it returns is shared, not copied: treat it as immutable, build a new dict to change something. What it is given
    is copied. A returned write is committed: a killed process loses none. Versions only grow, over restarts too.
    """

    def __init__(self, path: Path, *, now: Callable[[], float] = time.time, history: int = HISTORY_SIZE) -> None:
        self._disk = Disk(path)
        self._now = now
        self._index = Index()
        self._callbacks: list[Callback] = []
        self._history = History(version=self._disk.version(), size=history)
        for kind, thing in self._disk.load():
            self._index.add(kind, thing=thing)

    @property
    def version(self) -> int:
        """The resourceVersion of the last change."""
        return self._history.version

    @property
    def is_ending(self) -> bool:
        """Whether the server is going away: streams should end."""
        return self._history.ended

    def close(self) -> None:
        """Let go of the file; the store cannot be used any more."""
        self._disk.close()

    def get(self, kind: str, namespace: str, name: str) -> Object | None:
        """Give one object, or None."""
        return self._index.get(kind, (namespace, name))

    def list(self, kind: str, namespace: str | None = None, labels: Labels = None) -> tuple[Objects, int]:
        """Give the objects of a kind (None: of all namespaces) in name order, and the version to watch from."""
        return self._index.select(kind, namespace=namespace, selector=selector_of(labels)), self.version

    def owned_by(self, uid: str) -> Owned:
        """Give (kind, object) of everything that names this uid in its ownerReferences, in no order."""
        return self._index.owned_by(uid)

    def create(self, kind: str, thing: Object) -> Object:
        """Store a new object with uid, creationTimestamp, resourceVersion and generation filled in.

        A namespaced object without a namespace goes to `default`; without a name but with generateName it gets one.

        Raises:
            AlreadyExists: nothing is changed, also when it is only being deleted.
        """
        wanted = thing.get("metadata") or {}
        resource = resource_of(kind)
        namespace = (wanted.get("namespace") or "default") if resource.namespaced else ""
        name = wanted.get("name") or self._free_name(kind, namespace=namespace, base=wanted["generateName"])
        if self.get(kind, namespace, name) is not None:
            raise AlreadyExists(f'{resource.full_name} "{name}" already exists', kind=kind, name=name)
        typed = {"apiVersion": resource.api_version, "kind": kind, **thing}
        return self._commit("ADDED", kind, born(typed, name=name, namespace=namespace, now=self._now()), before=None)

    def update(self, kind: str, thing: Object, *, expected_version: str | None = None) -> Object:
        """Replace everything of an object but what only the server writes; removes it with its last finalizer.

        Returns:
            What is stored now (or was last, when it went): the very same object when nothing changed.

        Raises:
            NotFound, or Conflict when `expected_version` is not the present one.
        """
        namespace, name = key_of(thing)
        current = self._present(kind, namespace, name)
        if expected_version not in (None, current["metadata"]["resourceVersion"]):
            text = "the object has been modified; apply your changes to the latest version and try again"
            raise Conflict(text, kind=kind, name=name)
        wanted = replaced(current, wanted=thing)
        if wanted == current:
            return current
        if is_deleting(wanted) and not finalizers_of(wanted) and finalizers_of(current) and kind != "Pod":
            return self.remove(kind, namespace, name) or wanted
        return self._commit("MODIFIED", kind, wanted, before=current)

    def delete(
        self,
        kind: str,
        namespace: str,
        name: str,
        *,
        uid: str | None = None,
        propagation: str | None = None,
        grace_s: int | None = None,
    ) -> Object:
        """Ask for a deletion: what has finalizers, and every Pod, is only marked; everything else is gone at once.

        Args:
            propagation: "Foreground" and "Orphan" add the finalizer that the garbage collector works off; "Background"
                takes it away again; None leaves it, and is "Background" at first.
            grace_s: of Pods only; None is what their spec says. The kubelet ends the process and calls `remove`.

        Raises:
            NotFound, or Conflict when `uid` is another one.
        """
        current = self._present(kind, namespace, name)
        if uid not in (None, current["metadata"]["uid"]):
            text = f"the UID in the precondition ({uid}) is not that of the object ({current['metadata']['uid']})"
            raise Conflict(text, kind=kind, name=name)
        finalizers = finalizers_for(propagation, present=finalizers_of(current))
        if not finalizers and kind != "Pod":
            return self.remove(kind, namespace, name) or current
        seconds = grace_of(current, asked=grace_s) if kind == "Pod" else 0
        wanted = marked(current, now=self._now(), grace_s=seconds, finalizers=finalizers)
        return current if wanted == current else self._commit("MODIFIED", kind, wanted, before=current)

    def remove(self, kind: str, namespace: str, name: str) -> Object | None:
        """Take an object away, whatever finalizers it has; gives its last state, None if it was gone already."""
        current = self.get(kind, namespace, name)
        return None if current is None else self._commit("DELETED", kind, current, before=current)

    def end_watches(self) -> None:
        """Let every watch, present and future, end at once: the server is going away."""
        self._history.end()

    def watcher(
        self,
        kind: str,
        namespace: str | None = None,
        labels: Labels = None,
        *,
        since: int,
        where: Condition | None = None,
    ) -> Watch:
        """Give a reader of the changes after version `since`; close it. Raises Expired when they are not all known."""
        selector = selector_of(labels)
        return Watch(self._history, kind=kind, namespace=namespace, selector=selector, since=since, where=where)

    async def watch(
        self, kind: str, namespace: str | None = None, labels: Labels = None, *, since: int
    ) -> AsyncIterator[tuple[Verb, Object]]:
        """Give (verb, object) for every change after version `since`, until `end_watches`. Raises Expired."""
        watch = self.watcher(kind, namespace, labels, since=since)
        try:
            while not watch.ended:
                await watch.wait()
                for event in watch.read():
                    yield event
        finally:
            watch.close()

    def subscribe(self, callback: Callback) -> Callable[[], None]:
        """Have `callback(verb, kind, object)` called after every commit; it should only wake somebody, never write.

        Returns:
            A function that ends it.
        """
        self._callbacks.append(callback)
        return lambda: self._callbacks.remove(callback)

    def _present(self, kind: str, namespace: str, name: str) -> Object:
        current = self.get(kind, namespace, name)
        if current is None:
            raise NotFound(f'{resource_of(kind).full_name} "{name}" not found', kind=kind, name=name)
        return current

    def _free_name(self, kind: str, *, namespace: str, base: str) -> str:
        name = generated_name(base)
        while self.get(kind, namespace, name) is not None:
            name = generated_name(base)
        return name

    def _commit(self, verb: Verb, kind: str, thing: Object, *, before: Object | None) -> Object:
        version = self.version + 1
        text = msgspec.json.encode(numbered(thing, version=version))
        stored: Object = msgspec.json.decode(text)
        if verb == "DELETED":
            self._disk.drop(kind, key=key_of(stored), version=version)
        else:
            self._disk.put(kind, key=key_of(stored), body=text, version=version)
        if before is not None:
            self._index.remove(kind, thing=before)
        if verb != "DELETED":
            self._index.add(kind, thing=stored)
        self._history.add(change_of(verb, kind=kind, thing=stored, text=text, before=before))
        self._tell(verb, kind, stored)
        return stored

    def _tell(self, verb: Verb, kind: str, thing: Object) -> None:
        for callback in [*self._callbacks]:
            try:
                callback(verb, kind, thing)
            except Exception:  # the change is committed: a listener's bug must not look like a failed write
                logger.exception("a listener failed on %s of %s %s", verb, kind, key_of(thing))
