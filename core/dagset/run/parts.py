"""The parts of a node: what must be there before the owner, and what the owner owns."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from dagset import constants
from dagset.cluster.protocol import Manifest
from dagset.errors import AlreadyExists, ClusterRefused, NotFound
from dagset.run.steps import GRACE_S, LOOK_S, MARGIN_S, Steps

__all__ = ["Parts"]

# Without its group a pod is scheduled for itself at once (kubernetes-sigs/scheduler-plugins: pkg/coscheduling/core).
FIRST = frozenset({constants.VOLCANO, constants.COSCHEDULING, constants.NATIVE})
UNKNOWN = "the cluster does not know {kind} ({version}): have that scheduler's API installed, or change `scheduler`"


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of one bundle, while they are created. Each step finds what an earlier try has done."""

    steps: Steps
    manifests: Sequence[Manifest]
    made: dict[str, Manifest] = field(default_factory=dict)

    def create_first(self) -> None:
        """Create what pods must not start without. Nobody owns it yet: `create` mends that, `undo` takes it back."""
        for part in self.manifests:
            if constants.kind_of(part) in FIRST:
                self._create(part, owner=None)

    def create(self, owner: Manifest) -> None:
        """Create what is missing, owned by `owner`, so that it goes when the owner goes.

        It does not hold the owner's deletion up: that would need the right to update `jobs/finalizers` where
        OwnerReferencesPermissionEnforcement is on (kubernetes: plugin/pkg/admission/gc), as on OpenShift.
        """
        metadata = owner["metadata"]
        reference = {"apiVersion": owner["apiVersion"], "kind": owner["kind"]}
        reference |= {"name": metadata["name"], "uid": metadata["uid"], "controller": True}
        for part in self.manifests:
            owned = {**part, "metadata": {**part["metadata"], "ownerReferences": [reference]}}
            made = self.made.get(constants.kind_of(part))
            self._create(owned, owner=owner) if made is None else self._own(made, owned)

    def undo(self) -> None:
        """Delete what `create_first` made."""
        for part in self.made.values():
            self.steps.undo(part)

    def _create(self, part: Manifest, *, owner: Manifest | None) -> None:
        began = self.steps.clock()
        while True:
            try:
                made = self.steps.create(part)
            except AlreadyExists:
                found = self.steps.get_or_none(part)
                if found is not None and self._is_good(found, part, owner=owner):
                    return
                if found is not None and not self._is_leftover(found, waited_s=self.steps.clock() - began):
                    raise self.steps.not_ours(found) from None
                self.steps.sleep(LOOK_S)
            except NotFound as error:
                raise _unknown(part, error) from error
            else:
                if owner is None:
                    self.made[constants.kind_of(made)] = made
                return

    def _is_good(self, found: Manifest, part: Manifest, *, owner: Manifest | None) -> bool:
        """Tell whether it is this node's, as another try has left it; give one that was made first its owner."""
        owners = [reference["uid"] for reference in found["metadata"].get("ownerReferences") or []]
        if owners or not self._is_mine(found) or "deletionTimestamp" in found["metadata"]:
            return owner is not None and owner["metadata"]["uid"] in owners
        if owner is not None:
            self._own(found, part)
        return True

    def _own(self, found: Manifest, part: Manifest) -> None:
        """Write the owner of `part` onto this very object."""
        steps, name = self.steps, part["metadata"]["name"]
        body = {"metadata": {"uid": found["metadata"]["uid"], "ownerReferences": part["metadata"]["ownerReferences"]}}
        kind = constants.kind_of(part)
        steps.patiently(lambda: steps.cluster.patch(kind, namespace=steps.namespace, name=name, body=body))

    def _is_mine(self, found: Manifest) -> bool:
        labels = found["metadata"].get("labels", {})
        return bool(labels.get(constants.IDENTITY) == self.steps.identity.key)

    def _is_leftover(self, found: Manifest, *, waited_s: float) -> bool:
        """Tell whether it belongs to an earlier owner of this identity, and may still be collected."""
        return self._is_mine(found) and waited_s <= GRACE_S + MARGIN_S


def _unknown(part: Manifest, error: NotFound) -> ClusterRefused:
    """Say which API is missing, where it is the kind that is not found."""
    if constants.kind_of(part) not in FIRST:
        return error
    text = UNKNOWN.format(kind=part["kind"], version=part["apiVersion"])
    return ClusterRefused(text, status=error.status, reason=error.reason)
