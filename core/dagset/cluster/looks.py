"""Lists that many ask for at the same time, as one request."""

import threading
from dataclasses import dataclass, field

from dagset.cluster.protocol import Cluster, Manifest
from dagset.cluster.roster import MOST_KEYS
from dagset.errors import DagsetError

__all__ = ["Looks"]

Key = tuple[str, ...]


@dataclass(slots=True)
class _Turn:
    """Those who came while the last request was under way; the first of them asks for all."""

    keys: dict[Key, None] = field(default_factory=dict)
    found: dict[Key, list[Manifest]] | None = None
    error: DagsetError | None = None


class Looks:
    """Answers what there is of a kind under each key right now: no answer is older than its question."""

    def __init__(self, cluster: Cluster, kind: str, *, namespace: str, names: tuple[str, ...]) -> None:
        self._cluster, self._kind, self._namespace, self._names = cluster, kind, namespace, names
        self._lock, self._asking = threading.Lock(), threading.Lock()
        self._turn = _Turn()

    def look(self, key: Key) -> list[Manifest]:
        """Return the objects that carry these values under `names`; raises as `Cluster.list` does."""
        with self._lock:
            turn = self._turn
            turn.keys[key] = None
        with self._asking:
            if turn.found is None and turn.error is None:
                with self._lock:
                    self._turn = _Turn()  # whoever comes now must not get this answer: it may be older
                try:
                    turn.found = self._list(list(turn.keys))
                except DagsetError as error:
                    turn.error = error
        if turn.error is not None:
            raise turn.error
        return (turn.found or {}).get(key, [])

    def _list(self, keys: list[Key]) -> dict[Key, list[Manifest]]:
        found: dict[Key, list[Manifest]] = {}
        for first in range(0, len(keys), MOST_KEYS):
            values = tuple(dict.fromkeys(key[0] for key in keys[first : first + MOST_KEYS]))
            labels = {self._names[0]: values}
            for item in self._cluster.list(self._kind, namespace=self._namespace, labels=labels).items:
                carried = item["metadata"].get("labels") or {}
                found.setdefault(tuple(carried.get(name, "") for name in self._names), []).append(item)
        return found
