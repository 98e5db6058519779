"""Create-or-attach: however often it is interrupted and run again, one owner and its parts."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from dagset.cluster.protocol import Cluster
from dagset.compile import Bundle, compile_node
from dagset.errors import ClusterRefused, Conflict, NotOurs
from dagset.model import DagNode, Identity
from dagset.model.advice import advice
from dagset.model.identity import Ref
from dagset.run.existing import (
    Attach,
    Conflicting,
    CreateNew,
    Supersede,
    TakeEnd,
    WaitForDeletion,
    choose,
    generation_of,
    is_finished,
)
from dagset.run.parts import Parts
from dagset.run.release import cancel
from dagset.run.steps import Steps

__all__ = ["OnConflict", "Submitted", "submit", "submit_compiled"]

Manifest = dict[str, Any]
OnConflict = Literal["refuse", "attach"]
ROUNDS = 5  # a round is spent when something changes between our look and our create


@dataclass(frozen=True, slots=True)
class Submitted:
    """A node in the cluster: `owner` as stored, `attached` when it was there before we came."""

    ref: Ref
    owner: Manifest
    attached: bool
    generation: int

    @property
    def ended(self) -> bool:
        """Whether it was found at its end (see `since`): following tells it at once."""
        return is_finished(self.owner)


def submit(
    node: DagNode,
    identity: Identity,
    *,
    cluster: Cluster,
    namespace: str | None = None,
    on_conflict: OnConflict = "refuse",
    since: int | None = None,
    own_end: bool = False,
    before: Callable[[], None] = lambda: None,
    tell: Callable[[str], None] = lambda _text: None,
    limit_s: float = 120.0,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Submitted:
    """Return the running node: the one that is there already, or a new generation of it.

    Args:
        node: what to run.
        identity: whose node it is; its generation is the lowest that a new one may get.
        cluster: where.
        namespace: None takes the cluster's.
        on_conflict: what to do when the same node runs with another spec.
        since: for engines whose tries are generations: the first generation that counts. What runs of an older one is
            cancelled; a newer one, older than the identity's, that has ended with this spec is returned, for somebody
            to tell its end. None: all that run count, and no end is taken.
        own_end: with `since`, the end of the identity's own generation is taken, too: for who may begin twice, and has
            put something into the spec that is of this beginning alone.
        before: called when nothing of this node runs any more, just before it is created, and not when one is attached
            to; what it raises is raised, and nothing is created.
        tell: gets a sentence for people when something is waited for or looks odd.
        limit_s: how long one request is repeated while the cluster is unreachable.
        sleep: waits seconds.
        clock: tells seconds.

    Raises:
        Conflict: it runs with another spec (and `on_conflict` is refuse), or does not go away.
        NotOurs: the name is taken by somebody else's object.
        ClusterRefused: the server's words. Nothing that this call created is left.
        ClusterUnreachable: call again with the same identity; what was done so far is found.
    """

    for sentence in advice(node):
        tell(sentence)
    steps = Steps(
        cluster=cluster,
        namespace=namespace or cluster.namespace,
        identity=identity,
        tell=tell,
        limit_s=limit_s,
        sleep=sleep,
        clock=clock,
    )
    return submit_compiled(
        lambda generation: compile_node(node, identity.with_generation(generation)),
        steps,
        on_conflict=on_conflict,
        since=since,
        own_end=own_end,
        before=before,
    )


def submit_compiled(
    compiled: Callable[[int], Bundle],
    steps: Steps,
    *,
    on_conflict: OnConflict = "refuse",
    since: int | None = None,
    own_end: bool = False,
    before: Callable[[], None] = lambda: None,
) -> Submitted:
    """Do the same for a bundle by generation; its spec hash is the same in every one."""
    identity = steps.identity
    bundle = compiled(identity.generation)
    for _ in range(ROUNDS):
        match choose(
            steps.owners(bundle.kind), identity=identity, spec_hash=bundle.spec_hash, since=since, own_end=own_end
        ):
            case Attach(found):
                Parts(steps, compiled(generation_of(found)).parts).create(found)
                return _submitted(found, namespace=steps.namespace, attached=True)
            case Conflicting(found):
                return _conflict(found, steps, on_conflict)
            case WaitForDeletion(found):
                steps.wait_for_deletion(found)
            case Supersede(found):
                _supersede(found, steps)
            case TakeEnd(found):
                return _submitted(found, namespace=steps.namespace, attached=True)
            case CreateNew(generation):
                submitted = _create(compiled(generation), steps, before=before)
                if submitted is not None:
                    return submitted
    raise Conflict(f"{bundle.kind} {bundle.name}: somebody creates and deletes it while we try; try again later")


def _create(bundle: Bundle, steps: Steps, *, before: Callable[[], None]) -> Submitted | None:
    """Create owner and parts, all or nothing; None when the owner's name turned out to be in flux."""
    steps.require_versions()
    steps.wait_for_pods()
    before()
    parts = Parts(steps, bundle.parts)
    try:
        parts.create_first()
        met = steps.create_owner(bundle.owner, spec_hash=bundle.spec_hash)
    except (ClusterRefused, Conflict, NotOurs):
        parts.undo()
        raise
    if met is None:
        parts.undo()
        return None
    owner, attached = met
    try:
        parts.create(owner)
    except (ClusterRefused, NotOurs):
        if not attached:
            steps.undo(owner)
            parts.undo()
        raise
    return _submitted(owner, namespace=steps.namespace, attached=attached)


def _supersede(found: Manifest, steps: Steps) -> None:
    ref = _submitted(found, namespace=steps.namespace, attached=True).ref
    steps.tell(f"{ref} is of an earlier run that counts no more: cancelling it")
    cancel(ref, cluster=steps.cluster, on_wait=steps.tell, sleep=steps.sleep, clock=steps.clock)


def _conflict(found: Manifest, steps: Steps, on_conflict: OnConflict) -> Submitted:
    """Refuse, or attach and say what that means."""
    name = found["metadata"]["name"]
    title = f"{found['kind']} {steps.namespace}/{name}"
    if on_conflict == "refuse":
        remedy = f"see where it stands with `dagset status {name}`; wait for its end, or "
        remedy += f"`dagset cancel {name}`, and run again"
        raise Conflict(f"{title} is this node, still running with another spec: {remedy}")
    steps.tell(f"{title} is this node, still running with another spec: following that one, the new spec is not used")
    return _submitted(found, namespace=steps.namespace, attached=True)


def _submitted(owner: Manifest, *, namespace: str, attached: bool) -> Submitted:
    ref = Ref(owner["kind"], namespace, owner["metadata"]["name"], owner["metadata"]["uid"])
    return Submitted(ref, owner, attached, generation_of(owner))
