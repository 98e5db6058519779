"""To let a node rest, and go on: what is patched and what that means. A node in a queue is Kueue's to admit.

A suspension ends the pods; it counts as no restart (tried on Kubernetes 1.36.3, JobSet 0.12.0). Of a node in a queue
Kueue would undo it at once, so there its Workload is deactivated (kueue: apis/kueue/v1beta2, WorkloadSpec.active).
"""

from dataclasses import dataclass

from dagset.cluster.protocol import Cluster, Manifest
from dagset.cluster.weather import with_patience
from dagset.model.identity import Ref
from dagset.model.policy_checks import STOPPED_CODES
from dagset.observe import Observation, judge, reading, spec
from dagset.observe.facts import deletion_began
from dagset.observe.picture import pods_now
from dagset.run.follow import look

__all__ = ["Step", "plan", "switch"]

NAMED = 3


@dataclass(frozen=True, slots=True)
class Step:
    """What to do about a node: the patch (None: nothing is to be done, or `refused`), and what to tell of it."""

    told: str
    warnings: tuple[str, ...] = ()
    refused: bool = False
    kind: str = ""
    name: str = ""
    body: Manifest | None = None


def switch(ref: Ref, *, suspend: bool, cluster: Cluster) -> Step:
    """Suspend or resume a node, and return what was done; `refused` says that it cannot be.

    Raises:
        ClusterRefused: we may not.
        ClusterUnreachable: no answer; the same call may be made again.
    """
    seen = with_patience(lambda: look(ref, cluster=cluster, closely=True))
    step = plan(seen, suspend=suspend)
    if step.body is not None:
        body = step.body
        with_patience(lambda: cluster.patch(step.kind, namespace=ref.namespace, name=step.name, body=body))
    return step


def plan(seen: Observation, *, suspend: bool) -> Step:
    """Return what suspending (or resuming) this node takes, and what it means for its pods."""
    name = f"{seen.kind} {spec.name_of(seen.owner)}"
    if judge(seen) is not None:
        return Step(f"{name} has ended already", refused=True)
    if deletion_began(seen.owner) is not None:
        return Step(f"{name} is being deleted", refused=True)
    if queue := spec.queue_name(seen.owner):
        return _in_queue(seen, name, queue, suspend=suspend)
    if reading.truth(seen.owner, "spec", "suspend") == suspend:
        return Step(f"{name} is suspended already" if suspend else f"{name} is not suspended")
    body = {"metadata": {"uid": seen.owner["metadata"]["uid"]}, "spec": {"suspend": suspend}}
    told = _suspended(seen) if suspend else "resumed: its pods are made anew and begin from the start"
    warnings = _warnings(seen) if suspend else _missing(seen)
    return Step(f"{name} {told}", warnings, kind=seen.kind, name=spec.name_of(seen.owner), body=body)


def _in_queue(seen: Observation, name: str, queue: str, *, suspend: bool) -> Step:
    """Deactivate or activate its Workload: Kueue owns `spec.suspend` of what is in a queue."""
    workload = seen.workload
    if workload is None:
        return Step(f"{name} is in queue {queue}, and Kueue has made no Workload for it (yet)", refused=True)
    if suspend and not workload.active:
        return Step(f"{name} is suspended already: its Workload {workload.name} is not active")
    if not suspend and workload.active:
        waits = reading.truth(seen.owner, "spec", "suspend")
        told = f"waits in queue {queue}: Kueue alone admits it, and would undo a resume by hand"
        return Step(f"{name} {told}", refused=True) if waits else Step(f"{name} is not suspended")
    body: Manifest = {"spec": {"active": not suspend}}
    told = f"is back in queue {queue}: it runs when Kueue admits it"
    if suspend:
        quota = f"its quota in queue {queue} is free, " if workload.reserved.true else ""
        told = f"{_suspended(seen)}; {quota}its queue_timeout, if any, goes on"
    warnings = _warnings(seen) if suspend else ()
    return Step(f"{name} {told}", warnings, kind="Workload", name=workload.name, body=body)


def _suspended(seen: Observation) -> str:
    left = sum(not pod.ended for pod in seen.pods.values())
    ends = f"its {left} {'pod is' if left == 1 else 'pods are'} told to end" if left else "it has no pods"
    if not seen.is_gang and spec.pods_asked(seen.owner) > 1:
        again = "on resume the indexes that have not succeeded begin from the start"
    else:
        again = "on resume its pods begin from the start"
    return f"suspended: {ends}; {again}; that counts as no restart, and its deadline does not count meanwhile"


def _warnings(seen: Observation) -> tuple[str, ...]:
    roles = spec.pods_by_role(seen.owner)
    ends = {code for role in roles for code in spec.codes_for(seen.owner, role=role, actions=("FailJob", "FailIndex"))}
    stopped = sorted(ends & set(STOPPED_CODES))
    told = f"a pod that ends with {', '.join(map(str, stopped))} when told to stop fails the node (its exit code rules)"
    return ((told,) if stopped else ()) + _missing(seen)


def _missing(seen: Observation) -> tuple[str, ...]:
    """Name the pods of a gang that will not be there again (kubernetes-sigs/jobset: issue 1208)."""
    done = [pod for pod in pods_now(seen) if pod.state == "succeeded"] if seen.is_gang else []
    if not done:
        return ()
    names = ", ".join(f"{pod.role}[{pod.index}]" for pod in done[:NAMED])
    more = f" and {len(done) - NAMED} more" if len(done) > NAMED else ""
    return (f"{names}{more} succeeded already and will not run again: the others begin without",)
