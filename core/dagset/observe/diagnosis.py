"""One line that says how a node ended, and one that says what to do about it, for a person at night."""

from dataclasses import dataclass

from dagset.model.duration import format_duration
from dagset.observe.facts import DELETED, FailedPod, Mark
from dagset.observe.signals import signal_name

__all__ = ["Told", "message_for", "hint_for", "who"]

MESSAGE_LENGTH = 400


@dataclass(frozen=True, slots=True)
class Told:
    """What a message is made of; `failed` counts the indexes in `failed_indexes`, `words` are the server's."""

    reason: str
    kind: str
    name: str
    first: FailedPod | None
    taken: Mark | None
    words: str
    failed_indexes: str
    failed: int
    succeeded: int
    pods: int
    deadline_s: int | None
    saved: tuple[str, ...]


MESSAGES = {
    "succeeded": "{met}{succeeded} of {pods} {pods_word} succeeded{although}{saved}",
    "app_error": "{pod}",
    "failed_fast": "{pod}",
    "oom_killed": "{pod}",
    "failed_indexes": "{failed} of {pods} indexes failed ({failed_indexes}); first {pod}",
    "deadline_exceeded": "the deadline{deadline} passed with {succeeded} of {pods} {pods_word} succeeded",
    "disrupted": "{taken} and the node could not go on{crashed}",
    "vanished": "somebody deleted {kind} {name} while it ran",
    "cancelled": "cancelled: {kind} {name} was deleted on request",
}
HINTS = {
    "succeeded": "",
    "app_error": "Read the pod's last lines; `restarts` has Kubernetes run it again, the engine's retries run it anew.",
    "failed_fast": "This exit code is in fail_exit_codes, so nothing was restarted: look for a crash in native code.",
    "oom_killed": "Give the role more `memory`, or make the program need less.",
    "failed_indexes": "Read the last lines of the first failed index; `restarts` runs failed indexes again.",
    "deadline_exceeded": "Raise `deadline`, or find out what kept the pods: their logs say how far they came.",
    "disrupted": "The program is not to blame: run it again; `restarts` lets the cluster do so by itself.",
    "vanished": "Ask who deleted it (audit log, clean-up jobs, quota tools), then run it again.",
    "cancelled": "",
}


def message_for(told: Told) -> str:
    """Return the line that says how the node ended, at most 400 characters of it."""
    template = MESSAGES.get(told.reason, "{pod}")
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
    return line if len(line) <= MESSAGE_LENGTH else line[: MESSAGE_LENGTH - 3] + "..."


def hint_for(told: Told) -> str:
    """Return one sentence that a person can act on, "" where nothing has to be done."""
    if told.reason == "succeeded" and told.saved:
        return "Exit non-zero on SIGTERM unless the work is done: Kubernetes took these pods' ends for success."
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
    if pod.reason == "OOMKilled":
        return "ran out of memory"
    if pod.exit_code is None:
        return f"failed ({pod.reason})"
    signal = signal_name(pod.exit_code)
    detail = ", ".join(each for each in (signal, pod.reason if pod.reason != "Error" else None) if each)
    return f"exited {pod.exit_code} ({detail})" if detail else f"exited {pod.exit_code}"


def _saved_line(told: Told) -> str:
    if not told.saved:
        return ""
    return f"; {', '.join(told.saved[:5])} exited 0 while being evicted and may not have finished"
