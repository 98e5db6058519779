"""The steps of a submit that touch the cluster. Each may be repeated, and finds what an earlier try has done."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from secrets import token_hex
from typing import Any, TypeVar

from dagset import constants
from dagset.cluster.protocol import Cluster
from dagset.cluster.refusals import NO_JOBSET
from dagset.cluster.weather import with_patience
from dagset.errors import AlreadyExists, ClusterRefused, ClusterUnreachable, Conflict, NotFound, NotOurs
from dagset.model.identity import Identity
from dagset.run.versions import require_kubernetes

__all__ = ["Steps"]

T = TypeVar("T")
Manifest = dict[str, Any]

GRACE_S = 30  # Kubernetes' default terminationGracePeriodSeconds
MARGIN_S = 30.0  # over the largest grace period, before pods of an earlier submission are no longer waited for
DELETION_S = 300.0  # how long an earlier owner may take to go; foreground deletion waits for its pods
LOOK_S = 1.0  # between two looks while waiting


@dataclass(frozen=True, slots=True)
class Steps:
    """One submit under way: where, whose, and how patient."""

    cluster: Cluster
    namespace: str
    identity: Identity
    tell: Callable[[str], None] = lambda _text: None
    limit_s: float = 120.0
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def owners(self, kind: str) -> list[Manifest]:
        """Return all Jobs and JobSets of this identity. Only `kind` itself must be there and allowed."""
        try:
            found = self._list(kind)
        except NotFound as error:
            if kind != "JobSet":
                raise
            raise ClusterRefused(NO_JOBSET, status=error.status, reason=error.reason) from error
        with suppress(ClusterRefused):  # no CRD or no rights: then nobody has submitted one here either
            found += self._list("JobSet" if kind == "Job" else "Job")
        return found

    def require_versions(self) -> None:
        """Raise `TooOld` where the cluster would not keep what a node says; asked once per cluster."""
        require_kubernetes(self.cluster, patiently=self.patiently)

    def wait_for_deletion(self, owner: Manifest) -> None:
        """Return when this very object is gone; raises `Conflict` when it stays."""
        metadata = owner["metadata"]
        title = f"{owner['kind']} {self.namespace}/{metadata['name']}"
        self.tell(f"{title} is being deleted: waiting until it is gone")
        began = self.clock()
        while self._is_there(owner):
            if self.clock() - began > DELETION_S:
                held_by = ", ".join(metadata.get("finalizers", [])) or "nobody"
                raise Conflict(
                    f"{title} is still being deleted after {DELETION_S:.0f} s (held by {held_by}); try later"
                )
            self.sleep(LOOK_S)

    def wait_for_pods(self) -> None:
        """Return when no pod of an earlier submission runs; after the largest grace + 30 s say so and return as well.

        A background deletion takes the owner away at once and its pods later: two gangs with the same host names.
        """
        began, told = self.clock(), False
        while pods := [pod for pod in self._list("Pod") if not _has_ended(pod)]:
            names = ", ".join(sorted(pod["metadata"]["name"] for pod in pods)[:3]) + (" ..." if len(pods) > 3 else "")
            if self.clock() - began > max(_grace_s(pod) for pod in pods) + MARGIN_S:
                self.tell(f"{len(pods)} pods of an earlier submission are still there ({names}): starting beside them")
                return
            if not told:
                self.tell(f"waiting for {len(pods)} pods of an earlier submission to end ({names})")
                told = True
            self.sleep(LOOK_S)

    def create_owner(self, manifest: Manifest, *, spec_hash: str) -> tuple[Manifest, bool] | None:
        """Return the owner as stored and whether somebody else was quicker; None: look again, all has changed."""
        lost_answers: list[ClusterUnreachable] = []
        try:
            created = self.create(manifest, on_loss=lost_answers.append)
        except AlreadyExists:
            return self._met(manifest, spec_hash=spec_hash, is_own=bool(lost_answers))
        return created, False

    def undo(self, made: Manifest) -> None:
        """Delete what cannot be completed; an owner that this fails for is a stray that `dagset list` shows."""
        kind, metadata = constants.kind_of(made), made["metadata"]
        with suppress(ClusterRefused, ClusterUnreachable):
            self.cluster.delete(kind, namespace=self.namespace, name=metadata["name"], uid=metadata["uid"])

    def _met(self, manifest: Manifest, *, spec_hash: str, is_own: bool) -> tuple[Manifest, bool] | None:
        """Judge the object that has our name already: ours, gone again, on its way out, or somebody else's."""
        try:
            found = self._get(manifest)
        except NotFound:
            return None
        mine, theirs = manifest["metadata"]["labels"], found["metadata"].get("labels", {})
        if any(mine[label] != theirs.get(label) for label in (constants.IDENTITY, constants.GENERATION)):
            raise self.not_ours(found)
        if "deletionTimestamp" in found["metadata"]:
            self.wait_for_deletion(found)
            return None
        same = found["metadata"].get("annotations", {}).get(constants.SPEC_HASH) == spec_hash
        return (found, not is_own) if same else None

    def not_ours(self, found: Manifest) -> NotOurs:
        """Return the error for an object that has our name and another identity."""
        title = f"{found['kind']} {self.namespace}/{found['metadata']['name']}"
        holder = found["metadata"].get("labels", {}).get(constants.IDENTITY)
        whose = f"belongs to another node ({constants.IDENTITY}={holder})" if holder else "was not made by dagset"
        return NotOurs(f"{title} exists and {whose}: rename this node, or delete that object if nobody needs it")

    def _is_there(self, owner: Manifest) -> bool:
        found = self.get_or_none(owner)
        return found is not None and bool(found["metadata"]["uid"] == owner["metadata"]["uid"])

    def get_or_none(self, manifest: Manifest) -> Manifest | None:
        """Return what is stored under the kind and name of a manifest."""
        try:
            return self._get(manifest)
        except NotFound:
            return None

    def _get(self, manifest: Manifest) -> Manifest:
        kind, name = constants.kind_of(manifest), manifest["metadata"]["name"]
        return self.patiently(lambda: self.cluster.get(kind, namespace=self.namespace, name=name))

    def _list(self, kind: str) -> list[Manifest]:
        labels = {constants.IDENTITY: self.identity.key}
        return self.patiently(lambda: self.cluster.list(kind, namespace=self.namespace, labels=labels)).items

    def create(
        self, manifest: Manifest, *, on_loss: Callable[[ClusterUnreachable], None] = lambda _error: None
    ) -> Manifest:
        """Create and return it as stored, patiently; `on_loss` is told of each try without an answer."""
        placed = {**_with_token(manifest), "metadata": {**manifest["metadata"], "namespace": self.namespace}}
        return self.patiently(lambda: self.cluster.create(placed, namespace=self.namespace), on_loss=on_loss)

    def patiently(
        self, call: Callable[[], T], *, on_loss: Callable[[ClusterUnreachable], None] = lambda _error: None
    ) -> T:
        """Return what a request returns, repeated while there is only weather."""

        def on_wait(error: ClusterUnreachable, pause_s: float) -> None:
            on_loss(error)
            self.tell(f"{error}; trying again in {pause_s:.1f} s, for {self.limit_s:.0f} s in all")

        return with_patience(call, limit_s=self.limit_s, sleep=self.sleep, clock=self.clock, on_wait=on_wait)


def _with_token(manifest: Manifest) -> Manifest:
    """Return a Secret with the random text that it asks for; who meets it created already keeps that one's."""
    key = manifest["metadata"].get("annotations", {}).get(constants.TOKEN)
    return manifest if key is None else {**manifest, "stringData": {**manifest["stringData"], key: token_hex(32)}}


def _has_ended(pod: Manifest) -> bool:
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def _grace_s(pod: Manifest) -> float:
    """Return how long the pod may take to end: as its deletion says, else its spec, else Kubernetes' default."""
    in_deletion = pod["metadata"].get("deletionGracePeriodSeconds")
    in_spec = pod.get("spec", {}).get("terminationGracePeriodSeconds", GRACE_S)
    return float(in_spec if in_deletion is None else in_deletion)
