"""One line that says how a node ended, and one that says what to do about it, for a person at night."""

import re
from dataclasses import dataclass

from dagset import constants
from dagset.model.duration import format_duration
from dagset.observe.facts import DELETED, FailedPod, Mark
from dagset.observe.signals import signal_name

__all__ = ["Told", "message_for", "hint_for", "who"]

MESSAGE_LENGTH = 400
OF_PODS = {"app_error", "failed_indexes", "deadline_exceeded", "disrupted"}
BY_WORDS = {"image_pull", "config_error", "unschedulable", "queue_timeout", "refused"}


@dataclass(frozen=True, slots=True)
class Told:
    """What a message is made of; `failed` counts the indexes in `failed_indexes`, `words` are the server's.

    `manager` runs the pods on another cluster, "" where they are here.
    """

    reason: str
    kind: str
    name: str
    ended_by_us: bool
    first: FailedPod | None
    taken: Mark | None
    words: str
    failed_indexes: str
    failed: int
    succeeded: int
    pods: int
    deadline_s: int | None
    saved: tuple[str, ...]
    manager: str = ""


MESSAGES = {
    "succeeded": "{met}{succeeded} of {pods} {pods_word} succeeded{although}{saved}",
    "app_error": "{pod}",
    "failed_fast": "{pod}",
    "oom_killed": "{pod}",
    "failed_indexes": "{failed} of {pods} indexes failed ({failed_indexes}); first {pod}",
    "deadline_exceeded": "the deadline{deadline} passed with {succeeded} of {pods} {pods_word} succeeded",
    "disrupted": "{taken} and the node could not go on{crashed}",
    "vanished": "somebody deleted {kind} {name} while it ran",
    "expired": "{kind} {name} is not there any more and nobody read its end: it may have succeeded",
    "cancelled": "cancelled: {kind} {name} was deleted on request",
}
HINTS = {
    "succeeded": "",
    "app_error": "Read the pod's last lines; `restarts` has Kubernetes run it again, the engine's retries run it anew.",
    "failed_fast": "Nothing runs again after this exit code (fail_exit_codes, abort_exit_codes).",
    "oom_killed": "Give the role more `memory`, or make the program need less.",
    "failed_indexes": "Read the last lines of the first failed index; `restarts` runs failed indexes again.",
    "deadline_exceeded": "Raise `deadline`, or find out what kept the pods: their logs say how far they came.",
    "disrupted": "The program is not to blame: run it again; by `restarts` or `on_disruption` the cluster does so.",
    "image_pull": "Check the image's name and tag, and that its registry lets the pods in (`image_pull_secrets`).",
    "config_error": "Mend what the words name (a command, Secret, ConfigMap or volume), then run it again.",
    "unschedulable": "Ask for less, or for what the hosts have; `start_timeout` says how long to wait for room.",
    "queue_timeout": "Try again when the queue is less busy, ask for less, or raise `queue_timeout`.",
    "refused": "The cluster did not let the pods be created: mend what its words name, or ask who made that rule.",
    "vanished": "Ask who deleted it (audit log, clean-up jobs, quota tools), then run it again.",
    "expired": "Look at its outputs before running it again; a longer `ttl` leaves more time to read an end.",
    "cancelled": "",
}
# What a word of the cluster asks for, more exactly than its reason does. The first that fits is said.
HINTS_BY_WORDS = (
    (r"exceeded quota", "Ask for less, or have the namespace's quota raised (kubectl describe quota)."),
    (r"violates PodSecurity", "Give the role a `security_context` that the namespace's Pod Security level allows."),
    (
        r"denied (the )?request",
        "An admission rule of this cluster refuses such pods: do as its words say, or ask who made it.",
    ),
    (r"failed calling webhook", "An admission webhook of this cluster does not answer: tell its operators."),
    (r"resourceclaimtemplate.* not found", "Create that template in this namespace, or mend `resource_claims`."),
    (
        r"cannot allocate all claims",
        "No host has such a free device: ask for another, or wait longer (`start_timeout`).",
    ),
    (r"DRA driver .* not registered", "Ask the operators why that driver does not run on this host."),
    (r"serviceaccount \"", "Create the service account in this namespace, or mend `service_account_name`."),
    (r"no PriorityClass with name", "Mend `priority_class_name` (kubectl get priorityclass)."),
    (r"controller has not looked", "Ask the operators of this cluster whether its JobSet controller runs."),
    (r"no scheduler has placed", "Ask the operators whether the scheduler that the pods name runs."),
    (r"scheduling gates", "Something holds the pods back by a scheduling gate: ask who set it."),
    (
        r"(secret|configmap) \".*\" not found",
        "Create it in this namespace, or mend its name in `env_from` or `volumes`.",
    ),
    (r"couldn't find key", "Mend the name of the key, or add it to that ConfigMap or Secret."),
    (r"is invalid: ", "Mend the field that the words name; `dagset check` finds such before a run."),
    (r"cannot \w+ resource", "Rights are missing; `dagset rbac` prints those that a node needs."),
    (r"persistentvolumeclaim .* not found", "Create the claim in this namespace, or mend the name in `volumes`."),
    (
        r"executable file not found|no such file or directory",
        "Mend `command`: there is no such program in the image (local cluster: on this machine).",
    ),
    (r"exec: .*permission denied", "Mend `command`: this file of the image is not executable."),
    (r"runAsNonRoot", "Use an image with another user than root, or name one in `security_context`."),
    (r"made no Workload", "Look whether Kueue runs, and `queue_priority` is a WorkloadPriorityClass."),
    (r"> maximum capacity", "The queue will never have that much: ask for less at once, or name another queue."),
    (r"LocalQueue .*doesn't exist", "Mend `queue_name` (kubectl get localqueue)."),
    (
        r"node\(s\) didn't match",
        "No host has what the node asks for: mend `node_selector`, `affinity` or `tolerations`.",
    ),
    (r"untolerated taint", "Hosts with room are tainted: `tolerations` would let the pods in."),
    (r"Insufficient ", "No host has that much room: ask for less, or wait longer with `start_timeout`."),
)


def message_for(told: Told) -> str:
    """Return the line that says how the node ended, at most 400 characters of it."""
    if told.ended_by_us and told.words:
        return _cut(told.words)
    own_deadline = told.reason == "deadline_exceeded" and told.first is not None  # of the pod, by a pod_patch
    template = "{pod}" if own_deadline else MESSAGES.get(told.reason, "{pod}")
    line = template.format(
        pod=_pod_line(told),
        taken=_taken_line(told.taken),
        crashed=f"; {_pod_line(told)}" if told.taken is None or _is_another(told) else "",
        kind=told.kind,
        name=told.name,
        failed=told.failed,
        failed_indexes=told.failed_indexes,
        succeeded=told.succeeded,
        pods=told.pods,
        met="success policy met: " if told.succeeded < told.pods else "",
        pods_word="pod" if told.pods == 1 else "pods",
        deadline=f" of {format_duration(told.deadline_s)}" if told.deadline_s else "",
        although=f", although the server says: {told.words}" if told.words else "",
        saved=_saved_line(told),
    )
    return _cut(line)


def _cut(line: str) -> str:
    return line if len(line) <= MESSAGE_LENGTH else line[: MESSAGE_LENGTH - 3] + "..."


def hint_for(told: Told) -> str:
    """Return one sentence that a person can act on, "" where nothing has to be done."""
    if told.reason == "succeeded" and told.saved:
        return "Exit non-zero on SIGTERM unless the work is done: Kubernetes took these pods' ends for success."
    first = told.first
    if first is None and told.manager and told.reason in OF_PODS:
        return f"Its pods ran on another cluster (managedBy {told.manager}): their lines and exit codes are there."
    if first is not None and first.reason == "Evicted":
        return "The pod took more than its host gives: raise `ephemeral_storage`, `memory` or an empty_dir's limit."
    if first is not None and first.container not in ("", constants.MAIN_CONTAINER):
        return (
            f"Not the node's own program: container {first.container} is injected or of a pod_patch; ask who owns it."
        )
    if told.reason in BY_WORDS:
        words = "\n".join((told.words, *(first.last_lines if first is not None else ())))
        for pattern, hint in HINTS_BY_WORDS:
            if re.search(pattern, words):
                return hint
    return HINTS.get(told.reason, "")


def who(role: str, index: int) -> str:
    """Return a pod's name among people."""
    return f"{role}[{index}]"


def _pod_line(told: Told) -> str:
    pod = told.first
    if pod is None:
        return f"the server says: {told.words}" if told.words else "no failed pod was seen"
    where = f" on {pod.host}" if pod.host else ""
    last = f": {pod.last_lines[-1]}" if pod.last_lines else ""
    return f"{who(pod.role, pod.index)} {_how(pod)}{where}{last}"


def _taken_line(taken: Mark | None) -> str:
    if taken is None:
        return "a pod was taken away (drain, preemption, eviction)"
    how = "deleted" if taken.reason == DELETED else f"taken away ({taken.reason or 'disruption'})"
    return f"{who(taken.role, taken.index)} was {how}"


def _is_another(told: Told) -> bool:
    """Whether the pod that failed is not the one that was taken away."""
    return told.first is not None and told.taken is not None and told.first.uid != told.taken.uid


def _how(pod: FailedPod) -> str:
    other = f"container {pod.container} " if pod.container not in ("", constants.MAIN_CONTAINER) else ""
    if pod.reason == "OOMKilled":
        return f"{other}ran out of memory"
    if pod.reason == "Evicted":
        return "was put out by its host (Evicted)"
    if pod.exit_code is None:
        return f"failed ({pod.reason})"
    signal = signal_name(pod.exit_code)
    detail = ", ".join(each for each in (signal, pod.reason if pod.reason != "Error" else None) if each)
    return f"{other}exited {pod.exit_code} ({detail})" if detail else f"{other}exited {pod.exit_code}"


def _saved_line(told: Told) -> str:
    if not told.saved:
        return ""
    return f"; {', '.join(told.saved[:5])} exited 0 while being evicted and may not have finished"
