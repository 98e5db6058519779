"""The parts of `dagset supervise` that touch the cluster."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from dagset import constants
from dagset.cluster.protocol import Cluster, Manifest
from dagset.cluster.weather import with_patience
from dagset.compile import Bundle, compile_node
from dagset.errors import ClusterRefused, ClusterUnreachable, DagsetError
from dagset.model import DagNode, Identity
from dagset.model.advice import advice
from dagset.model.identity import Ref
from dagset.run.existing import generation_of
from dagset.run.lines import has_ended
from dagset.run.logs import LogStream, Sink
from dagset.run.owners import newest, ref_of
from dagset.run.steps import Steps
from dagset.run.submit import Submitted, submit_compiled
from dagset.run.supervision import is_going_on, is_leaving, is_to_end, is_untold, owned

__all__ = [
    "CHOICES",
    "ChosenLines",
    "may_see_itself",
    "note_told",
    "submit_owned",
    "tell_its_end",
    "will_be_replaced",
]

CHOICES = ("all", "first", "failed", "none")
LOOKS_S = (0.0, 0.5, 1.0)  # the kubelet may signal a pod a moment before it says why
PATIENCE_S = 5.0  # for each of them: who is told to end has 30 s
OWN_LOOK_S = 20.0


def submit_owned(
    node: DagNode, identity: Identity, *, cluster: Cluster, owned_by: str | None, tell: Callable[[str], None]
) -> Submitted:
    """Create the node, with an owner, or adopt it; see `submit`, with `on_conflict="attach"`.

    One that ended while its supervisor was lost is adopted too.
    """
    for sentence in advice(node):
        tell(sentence)

    def compiled(generation: int) -> Bundle:
        bundle = compile_node(node, identity.with_generation(generation))
        return replace(bundle, owner=owned(bundle.owner, owned_by)) if owned_by else bundle

    steps = Steps(cluster=cluster, namespace=cluster.namespace, identity=identity, tell=tell)
    labels = {constants.IDENTITY: identity.key}
    last = with_patience(lambda: newest(labels, cluster=cluster, namespace=cluster.namespace), limit_s=steps.limit_s)
    if last is not None and is_untold(last):
        return Submitted(ref_of(last), last, attached=True, generation=generation_of(last))
    return submit_compiled(compiled, steps, on_conflict="attach")


def note_told(ref: Ref, *, cluster: Cluster) -> None:
    """Write down on an ended node that its end was told; that it is gone, or cannot be reached, ends nothing."""
    body = {"metadata": {"annotations": {constants.TOLD: "true"}}}
    with suppress(DagsetError):
        cluster.patch(ref.kind, namespace=ref.namespace, name=ref.name, body=body)


class ChosenLines(LogStream):
    """The lines of some pods: all, the first of each role (index 0), or none; and always those of pods that failed."""

    def __init__(self, cluster: Cluster, *, ref: Ref, sink: Sink, choice: str) -> None:
        super().__init__(cluster, ref=ref, sink=sink)
        self._choice = choice

    def feed(self, pod: dict[str, Any], *, gone: bool = False) -> None:
        """See `LogStream.feed`."""
        if self._choice == "all" or (self._choice == "first" and _is_first(pod)) or _has_failed(pod):
            super().feed(pod, gone=gone)


def may_see_itself(pod: str, *, cluster: Cluster) -> str:
    """Return why a supervisor cannot see its own pod, "" when it can: it could not tell a stop from an eviction."""
    try:
        _own(pod, cluster)
    except ClusterUnreachable:
        return ""
    except ClusterRefused as error:
        return str(error)
    return ""


def will_be_replaced(
    pod: str, *, cluster: Cluster, workflow: str = "", sleep: Callable[[float], None] = time.sleep
) -> bool:
    """Tell whether a supervisor that was told to end is only being moved, and the node should run on without it.

    So it is when nobody can tell: a node that runs on goes with its owner, hours of work do not come back. A pod that
    goes after its step was stopped (Argo's podGC deletes it at once) is not being moved: `workflow` is asked, by name.
    """
    for pause_s in LOOKS_S:
        sleep(pause_s)
        try:
            if is_leaving(with_patience(lambda: _own(pod, cluster), limit_s=PATIENCE_S, sleep=sleep)):
                return not workflow or _goes_on(workflow, cluster)
        except DagsetError:
            return True
    return False


def _goes_on(workflow: str, cluster: Cluster) -> bool:
    try:
        return is_going_on(cluster.get("Workflow", namespace=cluster.namespace, name=workflow))
    except DagsetError:
        return True


def tell_its_end(
    pod: str,
    *,
    cluster: Cluster,
    tell: Callable[[], None],
    over: threading.Event,
    every_s: float = OWN_LOOK_S,
) -> None:
    """Look at a supervisor's own pod until `over`, and call `tell`, once, when the pod has to end."""
    while not over.wait(every_s):
        with suppress(DagsetError):  # the next look may do
            if is_to_end(_own(pod, cluster)):
                tell()
                return


def _own(pod: str, cluster: Cluster) -> Manifest:
    return cluster.get("Pod", namespace=cluster.namespace, name=pod)


def _is_first(pod: dict[str, Any]) -> bool:
    labels = pod["metadata"].get("labels") or {}
    return str(labels.get(constants.COMPLETION_INDEX, "0")) == "0"


def _has_failed(pod: dict[str, Any]) -> bool:
    return has_ended(pod) and (pod.get("status") or {}).get("phase") == "Failed"
