"""To end a node: say why on the object itself, then delete it, so that every follower of it tells the same."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from dagset import constants
from dagset.cluster.protocol import Cluster, Manifest
from dagset.cluster.weather import with_patience
from dagset.errors import ClusterRefused, NotFound
from dagset.model.identity import Ref
from dagset.observe.ending import Ending, ending_of, ending_text

__all__ = ["Ender"]

T = TypeVar("T")
CONFLICT, TRIES = 409, 5


@dataclass(frozen=True, slots=True)
class Ender:
    """Ends one node; each request outlives weather, up to the usual two minutes."""

    ref: Ref
    cluster: Cluster
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def owner(self) -> Manifest | None:
        """Return the node's object, None when it is gone or the name is another's."""
        try:
            found = self._patiently(self._get)
        except NotFound:
            return None
        return found if found["metadata"]["uid"] == self.ref.uid else None

    def announce(self, ending: Ending, *, owner: Manifest) -> Manifest | None:
        """Write the end onto the object and return it; the first word stands. None: gone, or we may not write there.

        The version is sent along, so that of two followers in the same moment one is refused and reads the other's.
        """
        found: Manifest | None = owner
        for _ in range(TRIES):
            if found is None or ending_of(found) is not None or "deletionTimestamp" in found["metadata"]:
                return found
            try:
                return self._patiently(partial(self._annotate, ending, found["metadata"]["resourceVersion"]))
            except NotFound:
                return None
            except ClusterRefused as error:
                if error.status != CONFLICT:
                    return None
            found = self.owner()
        return found

    def delete(self) -> None:
        """Delete in the foreground: the owner stays visible until its pods are gone. Gone already is fine."""
        try:
            self._patiently(self._delete)
        except NotFound:
            return
        except ClusterRefused as error:
            if error.status != CONFLICT:  # then the name is another object's by now, and ours is gone
                raise

    def _get(self) -> Manifest:
        return self.cluster.get(self.ref.kind, namespace=self.ref.namespace, name=self.ref.name)

    def _annotate(self, ending: Ending, version: str) -> Manifest:
        metadata = {"uid": self.ref.uid, "resourceVersion": version}
        body: Manifest = {"metadata": {**metadata, "annotations": {constants.END: ending_text(ending)}}}
        return self.cluster.patch(self.ref.kind, namespace=self.ref.namespace, name=self.ref.name, body=body)

    def _delete(self) -> None:
        ref = self.ref
        self.cluster.delete(ref.kind, namespace=ref.namespace, name=ref.name, uid=ref.uid)

    def _patiently(self, call: Callable[[], T]) -> T:
        return with_patience(call, sleep=self.sleep, clock=self.clock)
