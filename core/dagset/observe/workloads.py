"""What Kueue says about a node: why it waits, and how often it was put out again. Only the Workload tells that.

Source: kueue: apis/kueue/v1beta2/workload_types.go.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dagset import constants
from dagset.observe import reading

__all__ = ["WorkloadSeen", "workload_seen", "is_workload_of", "queue_words"]

WORDS_LENGTH = 300
ASKED = "Deactivated"  # by a person, as `dagset suspend` does; Kueue's own deactivations say more


@dataclass(frozen=True, slots=True)
class Word:
    """A condition, whatever its status."""

    true: bool
    reason: str
    message: str
    at: float | None


NOTHING = Word(False, "", "", None)


@dataclass(frozen=True, slots=True)
class WorkloadSeen:
    """The last seen facts of a Workload. `evictions` counts those that were not the end of it."""

    name: str
    active: bool
    reserved: Word
    admitted: Word
    evicted: Word
    preempted: Word
    checks: tuple[str, ...]
    evictions: int

    @property
    def is_spent(self) -> bool:
        """Whether it ran for longer than Kueue allows it, and will never be admitted again."""
        return not self.active and self.evicted.reason == "DeactivatedDueToMaximumExecutionTimeExceeded"


def workload_seen(workload: Mapping[str, Any], *, before: WorkloadSeen | None) -> WorkloadSeen:
    """Return what is kept of a Workload; `before` is what was kept of it until now."""
    told = {reading.text(each, "type"): _word(each) for each in reading.items(workload, "status", "conditions")}
    evicted = told.get("Evicted", NOTHING)
    return WorkloadSeen(
        name=reading.text(workload, "metadata", "name"),
        active=reading.dig(workload, "spec", "active") is not False,
        reserved=told.get("QuotaReserved", NOTHING),
        admitted=told.get("Admitted", NOTHING),
        evicted=evicted,
        preempted=told.get("Preempted", NOTHING),
        checks=tuple(_open_checks(workload)),
        evictions=max(_counted(workload), _seen_again(evicted, before=before)),
    )


def is_workload_of(workload: Mapping[str, Any], *, uid: str) -> bool:
    """Whether Kueue made the Workload for the object of this uid."""
    owners = reading.items(workload, "metadata", "ownerReferences")
    uids = {reading.text(workload, "metadata", "labels", constants.KUEUE_OWNER_UID)}
    return uid in uids | {reading.text(each, "uid") for each in owners}


def queue_words(workload: WorkloadSeen) -> str:
    """Say why the node is not admitted, "" when nothing is said."""
    if not workload.active:
        is_asked = workload.evicted.reason in ("", ASKED)
        by_kueue = "" if is_asked else f"put out ({_said(workload.evicted)}), "
        return f"{by_kueue}suspended until somebody resumes it (Workload {workload.name} is not active)"
    waits = _waits(workload)
    if not workload.evicted.true or workload.evicted.reason == ASKED:  # it says so still when it is active again
        return waits
    why = workload.preempted if workload.preempted.true else workload.evicted
    is_said = workload.reserved.message == why.message  # for the first moment that is why it waits, too
    return f"put out ({_said(why)})" + (f"; {waits}" if waits and not is_said else "")


def _waits(workload: WorkloadSeen) -> str:
    if workload.reserved.true:
        return "" if workload.admitted.true else f"waits for {', '.join(workload.checks) or 'admission checks'}"
    if not workload.reserved.reason and not workload.reserved.message:
        return ""
    return _said(workload.reserved)


def _said(word: Word) -> str:
    return f"{word.reason}: {word.message}" if word.reason and word.message else word.message or word.reason


def _word(condition: Mapping[str, Any]) -> Word:
    return Word(
        true=reading.text(condition, "status") == "True",
        reason=reading.text(condition, "reason"),
        message=reading.text(condition, "message").partition("; preemptor path")[0].strip()[:WORDS_LENGTH],
        at=reading.seconds(condition, "lastTransitionTime"),
    )


def _open_checks(workload: Mapping[str, Any]) -> list[str]:
    checks = [
        (reading.text(each, "name"), reading.text(each, "state"), reading.text(each, "message"))
        for each in reading.items(workload, "status", "admissionChecks")
    ]
    return [f"{name} ({state}{f': {words}' if words else ''})" for name, state, words in checks if state != "Ready"]


def _counted(workload: Mapping[str, Any]) -> int:
    """Return the evictions that Kueue itself counts; a deactivation is an end and no disruption."""
    evictions = reading.items(workload, "status", "schedulingStats", "evictions")
    return sum(reading.count(each, "count") for each in evictions if not _is_final(reading.text(each, "reason")))


def _seen_again(evicted: Word, *, before: WorkloadSeen | None) -> int:
    """Return the evictions that we saw ourselves, for a Kueue that counts none."""
    known = before.evictions if before is not None else 0
    fresh = evicted.true and not _is_final(evicted.reason) and (before is None or before.evicted.at != evicted.at)
    return known + fresh


def _is_final(reason: str) -> bool:
    return reason.startswith("Deactivated")
