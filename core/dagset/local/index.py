"""All objects in memory, found by kind and name and by the uids of their owners."""

from collections import defaultdict

from dagset.local.objects import Object, key_of, labels_of
from dagset.local.selectors import Selector, matches

__all__ = ["Index"]

Key = tuple[str, str]


class Index:
    """What is there now; the caller keeps it true."""

    def __init__(self) -> None:
        self._objects: defaultdict[str, dict[Key, Object]] = defaultdict(dict)
        self._owned: defaultdict[str, dict[str, tuple[str, Object]]] = defaultdict(dict)

    def get(self, kind: str, key: Key) -> Object | None:
        """Give the object with this namespace and name, or None."""
        return self._objects[kind].get(key)

    def select(self, kind: str, *, namespace: str | None, selector: Selector) -> list[Object]:
        """Give the objects of a kind that the selector wants, by namespace and name; None is every namespace."""
        found = [
            (key, thing)
            for key, thing in self._objects[kind].items()
            if (namespace is None or key[0] == namespace) and (not selector or matches(selector, labels_of(thing)))
        ]
        found.sort(key=lambda item: item[0])
        return [thing for _, thing in found]

    def owned_by(self, uid: str) -> list[tuple[str, Object]]:
        """Give (kind, object) of everything that names this uid in its ownerReferences, in no order."""
        return [*self._owned[uid].values()] if uid in self._owned else []

    def add(self, kind: str, *, thing: Object) -> None:
        """Take in an object."""
        self._objects[kind][key_of(thing)] = thing
        for owner in _owners(thing):
            self._owned[owner][thing["metadata"]["uid"]] = (kind, thing)

    def remove(self, kind: str, *, thing: Object) -> None:
        """Forget an object, exactly as it was taken in."""
        del self._objects[kind][key_of(thing)]
        for owner in _owners(thing):
            self._owned[owner].pop(thing["metadata"]["uid"], None)
            if not self._owned[owner]:
                del self._owned[owner]


def _owners(thing: Object) -> list[str]:
    return [owner["uid"] for owner in thing["metadata"].get("ownerReferences") or []]
