"""Pod log lines, the pure part: whose line it is, which lines are new, which pods can be read."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from dagset import constants

__all__ = ["Seen", "has_ended", "has_started", "label_of", "prefix_of"]

# Lines of one container come from two pipes (stdout, stderr), so timestamps may be out of order by a few lines.
WINDOW = 1024


def prefix_of(pod: dict[str, Any]) -> str:
    """Return `worker[3]`, and `worker[3]#1` for the second run of that index (the number is DAGSET_ATTEMPT)."""
    labels, notes = pod["metadata"].get("labels", {}), pod["metadata"].get("annotations", {})
    role = labels.get(constants.ROLE) or pod["metadata"]["name"]
    index = labels.get(constants.COMPLETION_INDEX) or notes.get(constants.COMPLETION_INDEX)
    attempt = labels.get(constants.RESTART_ATTEMPT) or notes.get(constants.INDEX_FAILURE_COUNT) or "0"
    return label_of(role, index, attempt)


def label_of(role: str, index: int | str | None, attempt: int | str) -> str:
    """Return what a run of an index is called before its lines."""
    place = role if index is None else f"{role}[{index}]"
    return place if str(attempt) == "0" else f"{place}#{attempt}"


def has_started(pod: dict[str, Any]) -> bool:
    """Say whether there can be lines: asked earlier, the server answers 400."""
    state = _main_state(pod)
    if _was_never_made(state.get("terminated") or {}):
        return False
    return bool({"running", "terminated"} & state.keys()) or pod.get("status", {}).get("phase") == "Running"


def has_ended(pod: dict[str, Any]) -> bool:
    """Say whether no more lines will be written."""
    return "terminated" in _main_state(pod) or pod.get("status", {}).get("phase") in ("Succeeded", "Failed")


def _was_never_made(terminated: dict[str, Any]) -> bool:
    """Whether a kubelet tells of an end without a beginning: a pod that is deleted before its container was there.

    Of one that ran and was lost it says so (kubernetes: pkg/kubelet/kubelet_pods.go, ContainerStatusUnknown; tried).
    """
    unknown = terminated.get("reason") == "ContainerStatusUnknown"
    return unknown and "used to be Running" not in terminated.get("message", "")


def _main_state(pod: dict[str, Any]) -> dict[str, Any]:
    for container in pod.get("status", {}).get("containerStatuses") or []:
        if container.get("name") == constants.MAIN_CONTAINER:
            return container.get("state") or {}
    return {}


class Seen:
    """How far one pod's log was handed out: enough to go on after a reset without loss and without doubling.

    The server resumes from whole seconds (core/v1 PodLogOptions.sinceTime), so it repeats lines; those already seen
    are recognised by their timestamp, and equal timestamps by how many of them there were.
    """

    def __init__(self) -> None:
        self._floor = datetime.min.replace(tzinfo=UTC)  # all lines up to here were handed out
        self._recent: dict[datetime, int] = {}  # and so many of each later timestamp
        self.notice = ""  # the server's own words in the last connection: "unable to retrieve container logs ..."

    def since(self) -> str | None:
        """Return the second to resume from, None to begin at the start."""
        if not self._recent:
            return None
        return f"{max(self._recent).astimezone(UTC):%Y-%m-%dT%H:%M:%S}.000000000Z"

    def fresh(self, lines: Iterable[str]) -> Iterator[str]:
        """Yield the texts of the lines of one connection that no earlier connection brought.

        A line without a timestamp is not the pod's: the kubelet says so why there are no more (kubernetes/kubernetes:
        pkg/kubelet/kubelet_pods.go). It becomes `notice`.
        """
        floor, repeated, self.notice = self._floor, dict(self._recent), ""
        for line in lines:
            stamp, text = _split(line)
            if stamp is None:
                self.notice = text
            elif repeated.get(stamp):
                repeated[stamp] -= 1
            elif stamp > floor:
                self._remember(stamp)
                yield text

    def _remember(self, stamp: datetime) -> None:
        self._recent[stamp] = self._recent.get(stamp, 0) + 1
        if len(self._recent) > WINDOW:
            oldest = next(iter(self._recent))
            del self._recent[oldest]
            self._floor = max(self._floor, oldest)


def _split(line: str) -> tuple[datetime | None, str]:
    """Return timestamp and text; None and the line where there is none."""
    head, _, text = line.partition(" ")
    try:
        stamp = datetime.fromisoformat(head)
    except ValueError:
        return None, line
    return (stamp, text) if stamp.tzinfo else (None, line)
