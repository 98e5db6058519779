"""A cluster in memory: what the API server does, and the hands of the controllers for the test to play."""

import copy
import functools
import itertools
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Generic, TypeVar

from dagset import constants
from dagset.cluster.protocol import Event, Labels, Listing, Manifest, Propagation, Verb
from dagset.errors import AlreadyExists, ClusterRefused, Gone, NotFound, UnknownKind
from dagset.testing.faulty_cluster import FaultyCluster

__all__ = ["FakeCluster", "FaultyCluster"]

T = TypeVar("T")
Key = tuple[str, str, str]  # kind, namespace, name


class FakeCluster:
    """Implements `Cluster` on a dict. No controllers: the test is the controller, by `put`, `remove` and `say`.

    Args:
        namespace: the default namespace.
        kinds: the kinds that are installed; others answer 404, as without the JobSet CRD.
        live: False ends each watch and log stream as soon as it has said all there is, for tests without threads.
        version: of Kubernetes, as `/version` gives it.
        linger: True keeps deleted objects, with a deletionTimestamp, until the test calls `remove`. False removes
            them at once with everything they own (by ownerReferences).
    """

    def __init__(
        self,
        *,
        namespace: str = "default",
        kinds: Mapping[str, str] = constants.API_VERSIONS,
        live: bool = True,
        version: str = "v1.36.3",
        linger: bool = False,
    ) -> None:
        self.describe, self.namespace = "fake cluster", namespace
        self.live, self.linger = live, linger
        major, minor, _ = version.removeprefix("v").split(".", 2)
        self.documents: dict[str, Manifest] = {"/version": {"major": major, "minor": minor, "gitVersion": version}}
        self.time = 1767225600.0  # of all creations: 2026-01-01T00:00:00Z
        self._kinds = kinds
        self._objects: dict[Key, Manifest] = {}
        self._history: list[tuple[int, Key, Event]] = []
        self._lines: dict[tuple[str, str], list[str]] = {}
        self._numbers = itertools.count(1)
        self._version = self._oldest = 0
        self._changed = threading.Condition(threading.RLock())

    # What the API server does

    def create(self, manifest: Manifest, *, namespace: str, dry_run: bool = False) -> Manifest:
        """See `Cluster.create`."""
        key = (self._known(constants.kind_of(manifest)), namespace, manifest["metadata"]["name"])
        with self._changed:
            if key in self._objects:
                deleting = "deletionTimestamp" in self._objects[key]["metadata"]
                words = "object is being deleted: " if deleting else ""
                raise AlreadyExists(f"{words}{key[0]} {key[2]!r} already exists", status=409, reason="AlreadyExists")
            return copy.deepcopy(manifest) if dry_run else self._store("ADDED", key, manifest)

    def get(self, kind: str, *, namespace: str, name: str) -> Manifest:
        """See `Cluster.get`."""
        with self._changed:
            return copy.deepcopy(self._find((self._known(kind), namespace, name)))

    def document(self, path: str) -> Manifest:
        """See `Cluster.document`."""
        if path not in self.documents:
            raise NotFound(f"read {path}: Not Found", status=404, reason="NotFound")
        return copy.deepcopy(self.documents[path])

    def now(self) -> float:
        """See `Cluster.now`; stands still until the test sets `time`."""
        return self.time

    def list(self, kind: str, *, namespace: str, labels: Labels, fields: Mapping[str, str] | None = None) -> Listing:
        """See `Cluster.list`."""
        self._known(kind)
        with self._changed:
            found = [o for key, o in sorted(self._objects.items()) if key[0] == kind and namespace in ("", key[1])]
            wanted = [o for o in found if _selects(labels, o) and _has_fields(fields or {}, o)]
            return Listing([copy.deepcopy(o) for o in wanted], str(self._version))

    def watch(self, kind: str, *, namespace: str, labels: Labels, resource_version: str) -> "_Stream[Event]":
        """See `Cluster.watch`; an object whose labels stop matching is not noticed."""
        self._known(kind)
        seen = int(resource_version)
        if seen < self._oldest:
            raise Gone(f"too old resource version: {seen} ({self._oldest})", status=410, reason="Expired")

        def fresh() -> list[Event]:
            nonlocal seen
            if seen < self._oldest:
                raise Gone(f"too old resource version: {seen} ({self._oldest})", status=410, reason="Expired")
            events = [e for v, key, e in self._history if v > seen and key[:2] == (kind, namespace)]
            seen = self._version
            return [copy.deepcopy(event) for event in events if _selects(labels, event.object)]

        return _Stream(fresh, lambda: not self.live, self._changed)

    def patch(self, kind: str, *, namespace: str, name: str, body: Manifest) -> Manifest:
        """See `Cluster.patch`."""
        key = (self._known(kind), namespace, name)
        with self._changed:
            return self._store("MODIFIED", key, _merged(self._find(key), body))

    def delete(
        self,
        kind: str,
        *,
        namespace: str,
        name: str,
        uid: str,
        propagation: Propagation = "Foreground",  # noqa: ARG002 (the fake knows one way)
    ) -> None:
        """See `Cluster.delete`."""
        key = (self._known(kind), namespace, name)
        with self._changed:
            found = self._find(key)
            if found["metadata"]["uid"] != uid:
                words = f"the UID in the precondition ({uid}) does not match the UID in record"
                raise ClusterRefused(words, status=409, reason="Conflict")
            if self.linger:
                self._store(
                    "MODIFIED", key, _merged(found, {"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}})
                )
            else:
                self.remove(kind, namespace=namespace, name=name)

    def logs(
        self, *, namespace: str, pod: str, follow: bool, since_time: str | None = None, tail: int | None = None
    ) -> "_Stream[str]":
        """See `Cluster.logs`; `since_time` compares whole texts. Follows until the pod has an end or is gone."""
        key, said = ("Pod", namespace, pod), 0
        with self._changed:
            self._find(key)

        def fresh() -> list[str]:
            nonlocal said
            lines = self._lines.get((namespace, pod), [])
            new, said = lines[said:], len(lines)
            new = [line for line in new if line.split(" ", 1)[0] >= (since_time or "")]
            return new if tail is None or follow else new[len(new) - tail :]

        def is_over() -> bool:
            phase = self._objects.get(key, {}).get("status", {}).get("phase")
            return not (follow and self.live) or key not in self._objects or phase in ("Succeeded", "Failed")

        return _Stream(fresh, is_over, self._changed)

    # What controllers, kubelets and other people do

    def put(self, manifest: Manifest, *, namespace: str | None = None) -> Manifest:
        """Create the object, or replace it whole while keeping its uid and creation time (a status, a pod's phase)."""
        where = self.namespace if namespace is None else namespace  # "": an object that lives in none
        key = (constants.kind_of(manifest), where, manifest["metadata"]["name"])
        with self._changed:
            if key not in self._objects:
                return self._store("ADDED", key, manifest)
            kept = {k: self._objects[key]["metadata"][k] for k in ("uid", "creationTimestamp")}
            return self._store("MODIFIED", key, {**manifest, "metadata": {**manifest["metadata"], **kept}})

    def remove(self, kind: str, *, name: str, namespace: str | None = None) -> None:
        """Take the object away, and everything that has it as an owner."""
        key = (kind, self.namespace if namespace is None else namespace, name)
        with self._changed:
            uid = self._find(key)["metadata"]["uid"]
            self._store("DELETED", key, self._objects.pop(key))
            for child in [k for k, o in self._objects.items() if uid in _owners(o)]:
                if child in self._objects:
                    self.remove(child[0], namespace=child[1], name=child[2])

    def say(self, pod: str, *lines: str, namespace: str | None = None) -> None:
        """Let a pod write these lines, each with its timestamp in front."""
        with self._changed:
            self._lines.setdefault((namespace or self.namespace, pod), []).extend(lines)
            self._changed.notify_all()

    def forget_history(self) -> None:
        """Make every watch end with `Gone`, as after a compaction of etcd."""
        with self._changed:
            self._version += 1
            self._oldest = self._version
            self._history.clear()
            self._changed.notify_all()

    def _known(self, kind: str) -> str:
        if kind not in self._kinds:
            raise UnknownKind("the server could not find the requested resource", status=404, reason="NotFound")
        return kind

    def _find(self, key: Key) -> Manifest:
        if key not in self._objects:
            raise NotFound(f"{key[0]} {key[2]!r} not found", status=404, reason="NotFound")
        return self._objects[key]

    def _store(self, verb: Verb, key: Key, manifest: Manifest) -> Manifest:
        """Give the object what the server gives, keep it unless it is gone, tell the watchers."""
        self._version += 1
        given = {"uid": f"uid-{next(self._numbers)}", "creationTimestamp": "2026-01-01T00:00:00Z"}
        stored = copy.deepcopy({"apiVersion": self._kinds.get(key[0], "v1"), **manifest})
        stored["metadata"] = {**given, **stored["metadata"], "namespace": key[1], "resourceVersion": str(self._version)}
        if verb != "DELETED":
            self._objects[key] = stored
        self._history.append((self._version, key, Event(verb, copy.deepcopy(stored))))
        self._changed.notify_all()
        return copy.deepcopy(stored)


class _Stream(Generic[T]):
    """Yields what `fresh` has, waits for more, ends when it is over and nothing is left, or closed."""

    def __init__(self, fresh: Callable[[], list[T]], is_over: Callable[[], bool], changed: threading.Condition) -> None:
        self._fresh, self._is_over, self._changed = fresh, is_over, changed
        self._waiting: list[T] = []
        self._closed = False

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        with self._changed:
            while not self._closed:
                self._waiting += self._fresh()
                if self._waiting:
                    return self._waiting.pop(0)
                if self._is_over():
                    break
                self._changed.wait()
        raise StopIteration

    def close(self) -> None:
        """See `Stream.close`."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


def _selects(labels: Labels, manifest: Manifest) -> bool:
    carried = manifest["metadata"].get("labels", {})
    return all(carried.get(key) in ((value,) if isinstance(value, str) else value) for key, value in labels.items())


def _has_fields(fields: Mapping[str, str], manifest: Manifest) -> bool:
    def value(path: str) -> object:
        return functools.reduce(lambda found, key: found.get(key) or {}, path.split("."), manifest)

    return all(value(path) == wanted for path, wanted in fields.items())


def _owners(manifest: Manifest) -> list[str]:
    return [reference["uid"] for reference in manifest["metadata"].get("ownerReferences", [])]


def _merged(target: Manifest, patch: Manifest) -> Manifest:
    """Return the merge patch of two dicts (RFC 7386)."""
    merged = {key: value for key, value in target.items() if key not in patch}
    for key, value in patch.items():
        if isinstance(value, dict):
            below = target.get(key)
            merged[key] = _merged(below if isinstance(below, dict) else {}, value)
        elif value is not None:
            merged[key] = value
    return merged
