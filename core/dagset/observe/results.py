"""What pods that succeeded have left as a result: what they wrote to their termination message, by role and index.

A pod that exited 0 has there what it wrote, at most 4 KiB, and nothing else; of one that failed it may as well be the
end of its log (FallbackToLogsOnError), so that is no result.

Source:
    kubernetes: pkg/kubelet/kuberuntime/kuberuntime_container.go (`getTerminationMessage`: the last 4096 bytes),
    pkg/kubelet/status/status_manager.go (`normalizeStatus`: the first 12 KiB / number of containers of these).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dagset import constants
from dagset.observe import reading, spec
from dagset.observe.facts import PodSeen
from dagset.observe.shards import Shards

if TYPE_CHECKING:
    from dagset.observe.observation import Observation

__all__ = ["Results", "remember_result", "results_left_out", "results_of"]

KEPT_BYTES = 4 << 20  # of a node, in all: 1,000 results of full length, or 100,000 of 40 bytes


@dataclass(frozen=True, slots=True)
class Result:
    """What a pod wrote; `text` is None where there was no room for it. `attempt` is the pod's."""

    attempt: int
    text: str | None


@dataclass(frozen=True, slots=True)
class Results:
    """What has been written so far, by role and index; `size` is that of the kept texts, in bytes."""

    written: Shards[Result] = field(default_factory=Shards)
    size: int = 0


def remember_result(known: Results, obj: Mapping[str, Any], *, pod: PodSeen) -> Results:
    """Return the results after one more sight of a pod; that of a later attempt is instead of an earlier one's."""
    if pod.phase != "Succeeded":
        return known
    key, text = f"{pod.role}/{pod.index}", _written(obj)
    before = known.written.get(key)
    if not text or (before is not None and before.attempt >= pod.attempt):
        return known
    without = known.size - (_bytes(before.text) if before is not None else 0)
    fits = without + _bytes(text) <= KEPT_BYTES
    result = Result(pod.attempt, text if fits else None)
    return Results(known.written.put(key, result), without + _bytes(result.text))


def results_of(seen: "Observation") -> dict[str, list[str | None]]:
    """Return the results by role, as lists by index; roles none of whose pods left one are not there.

    None stands for a pod that has not succeeded, that wrote nothing, or for whose result there was no room
    (`results_left_out`). Of a gang that was restarted only its last attempt counts.
    """
    found: dict[str, list[str | None]] = {}
    asked = spec.pods_by_role(seen.owner)
    for key, result in seen.results.written.items():
        role, _, index = key.rpartition("/")
        pods = asked.get(role, 0) if seen.kind == "JobSet" else spec.pods_asked(seen.owner)
        if result.text is not None and _counts(seen, result) and int(index) < pods:
            found.setdefault(role, [None] * pods)[int(index)] = result.text
    return dict(sorted(found.items(), key=lambda item: [*asked, item[0]].index(item[0])))


def results_left_out(seen: "Observation") -> int:
    """Return how many results were not kept, because all together are more than 4 MiB."""
    return sum(1 for each in seen.results.written.values() if each.text is None and _counts(seen, each))


def _counts(seen: "Observation", result: Result) -> bool:
    return seen.kind != "JobSet" or result.attempt == seen.restarts


def _written(pod: Mapping[str, Any]) -> str:
    for status in reading.items(pod, "status", "containerStatuses"):
        if reading.text(status, "name") == constants.MAIN_CONTAINER:
            ended = reading.mapping(status, "state", "terminated")
            return "" if reading.count(ended, "exitCode") else reading.text(ended, "message")
    return ""


def _bytes(text: str | None) -> int:
    return len((text or "").encode(errors="replace"))
