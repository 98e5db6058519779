"""What a supervisor says and does, in an engine whose step is a pod of ours: decided here, done by `supervise`. Pure.

The engine is Argo Workflows today; what is its own is marked so.
"""

import msgspec

from dagset import constants
from dagset.cluster.protocol import Manifest
from dagset.observe import REASONS, Observation, Outcome, spec
from dagset.observe.outcome import succeeded_of
from dagset.run.existing import is_finished

__all__ = [
    "FINAL",
    "is_going_on",
    "is_leaving",
    "is_to_end",
    "is_untold",
    "node_message",
    "outputs",
    "owned",
    "progress",
    "shown_exit_code",
    "workflow_of",
]

# Of no use to try again, as Airflow has it in the verdict table (design.md 8). The first word of `node_message`.
FINAL = tuple(reason for reason, row in REASONS.items() if row.airflow == "fail")

# Argo gives these a meaning of its own (argo-workflows: cmd/argoexec/main.go; workflow/executor/emissary; and the two
# signals that a lost pod ends by): errors of its executor, a killed and an ended pod.
ARGOS_OWN = frozenset({64, 65, 137, 143})
SHOWN_INSTEAD = 112
STEP_ENDED = "workflows.argoproj.io/completed"  # argo-workflows: workflow/common, LabelKeyCompleted
MESSAGE_BYTES = 4096  # of a termination message (kubernetes: pkg/kubelet/container, MaxPodTerminationMessageLogLength)


def shown_exit_code(code: int) -> int:
    """Return the exit code of a process that stands for the node; those that mean something else to Argo are 112."""
    return SHOWN_INSTEAD if code in ARGOS_OWN else code


def node_message(reason: str, message: str, lines: tuple[str, ...] = ()) -> str:
    """Return what Argo shows as the node's message: reason, first failed pod and its last lines, at most 4096 bytes.

    Without a line end at its end: Argo would show it.
    """
    text = "\n".join([f"{reason}: {message.removeprefix(f'{reason}: ')}", *(f"| {line}" for line in lines)])
    return text.encode()[:MESSAGE_BYTES].decode(errors="ignore").strip()


def outputs(outcome: Outcome) -> dict[str, str]:
    """Return by name what the step hands on, whatever the end."""
    return {
        "name": outcome.name,
        "reason": outcome.reason,
        "exit-code": str(outcome.exit_code),
        "restarts": str(outcome.restarts),
        "failed-indexes": outcome.failed_indexes,
        "message": outcome.message,
        "outcome": msgspec.json.encode(outcome).decode(),
    }


def is_untold(newest: Manifest) -> bool:
    """Tell whether the newest of a step's objects has ended, and its end is still to be told.

    Whoever was to tell it was lost. What was told has ended an attempt, and the next one makes an object of its own; a
    success is told again, for there is no attempt after it.
    """
    if not is_finished(newest) or "deletionTimestamp" in newest["metadata"]:
        return False
    conditions = newest["status"]["conditions"]
    failed = any(each.get("type") == "Failed" and each.get("status") == "True" for each in conditions)
    return not failed or constants.TOLD not in (newest["metadata"].get("annotations") or {})


def progress(seen: Observation) -> str:
    """Return `N/M`, pods that have succeeded of those asked for; "" before the spec is seen."""
    asked = spec.pods_asked(seen.owner)
    return f"{min(succeeded_of(seen), asked)}/{asked}" if asked else ""


def is_leaving(pod: Manifest) -> bool:
    """Tell whether a pod is being evicted, drained, preempted or deleted, and so another one may come in its place.

    A step that is stopped is signalled in a pod that stays.
    """
    conditions = (pod.get("status") or {}).get("conditions") or []
    told = any(each.get("type") == constants.DISRUPTION_TARGET and each.get("status") == "True" for each in conditions)
    return told or "deletionTimestamp" in pod["metadata"]


def is_to_end(pod: Manifest) -> bool:
    """Tell whether a supervisor's pod has to end: it is leaving, or Argo has ended its step, which was stopped.

    SIGTERM says so too, and may be lost: Argo's program in the pod hears of all signals through a channel with room for
    one (argo-workflows: cmd/argoexec/commands/emissary.go).
    """
    return (pod["metadata"].get("labels") or {}).get(STEP_ENDED) == "true" or is_leaving(pod)


def is_going_on(workflow: Manifest) -> bool:
    """Tell whether a step of a Workflow may be run again: nobody has stopped or terminated it, and it has not ended."""
    status = workflow.get("status") or {}
    return not workflow["spec"].get("shutdown") and not status.get("finishedAt")


def workflow_of(reference: str | None) -> str:
    """Return the name of the Workflow that a reference as in `owned` is to, "" when it is to none."""
    _, kind, name, *_ = [*(reference or "").split(), "", "", ""]
    return name if kind == "Workflow" else ""


def owned(owner: Manifest, reference: str) -> Manifest:
    """Return a node's object with an owner, `API-VERSION KIND NAME UID`, so that it goes with that one.

    It does not hold the deletion of that one up, which would take a right more (see dagset.run.steps).
    """
    version, kind, name, uid = reference.split()
    metadata = owner["metadata"]
    one = {"apiVersion": version, "kind": kind, "name": name, "uid": uid, "controller": True}
    return {**owner, "metadata": {**metadata, "ownerReferences": [one]}}
