"""When a pod was made, began and ended, and how: one bar of the timeline."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from dagset import constants
from dagset.observe import reading
from dagset.observe.diagnosis import who
from dagset.observe.pods import failed_pod, pod_seen
from dagset.observe.signals import signal_name

__all__ = ["End", "Track", "place_of", "track_of"]

End = Literal["waiting", "running", "succeeded", "failed", "disrupted", "stopped"]


@dataclass(frozen=True, slots=True)
class Track:
    """One pod's life in seconds since the epoch; None where it has not come to that. `how` is for people."""

    role: str
    index: int
    attempt: int
    pod: str
    host: str
    made_at: float | None
    began_at: float | None
    ended_at: float | None
    end: End
    how: str
    exit_code: int | None = None

    @property
    def title(self) -> str:
        """Its name among people and before its lines: `worker[3]`, `worker[3]#1` in its second run."""
        return f"{who(self.role, self.index)}{f'#{self.attempt}' if self.attempt else ''}"


def place_of(track: Track) -> tuple[str, int, int, float]:
    """Return where a pod stands among others."""
    return track.role, track.index, track.attempt, track.made_at or 0.0


def track_of(pod: Mapping[str, Any], *, gone_at: float | None = None) -> Track:
    """Return one pod's life; total, as all readers of foreign objects are. `gone_at`: when it was seen to be gone."""
    seen, began, ended = pod_seen(pod), *_times(pod)
    end, how, code = _end(pod)
    is_over = end not in ("waiting", "running") and (seen.ended or ended is not None)
    if gone_at is not None and not is_over:
        end, how, ended = "stopped", "was stopped", ended or gone_at
    elif not is_over:
        ended = None
    elif ended is None:
        ended = began or seen.moved_at or seen.created_at
    place = (seen.role, seen.index, seen.attempt, seen.name, seen.host)
    return Track(*place, seen.created_at, began, ended, end, how, code)


def _times(pod: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """Return when its containers began and ended: the first and the last of them, but the main one's if there is."""
    states = [(reading.text(each, "name"), reading.mapping(each, "state")) for each in _containers(pod)]
    main = [state for name, state in states if name == constants.MAIN_CONTAINER] or [state for _, state in states]
    began = [reading.seconds(state, word, "startedAt") for state in main for word in ("running", "terminated")]
    ended = [reading.seconds(state, "terminated", "finishedAt") for state in main]
    first = min((at for at in began if at is not None), default=None)
    return first, max((at for at in ended if at is not None), default=None)


def _containers(pod: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(reading.items(pod, "status", "containerStatuses"))


def _end(pod: Mapping[str, Any]) -> tuple[End, str, int | None]:
    seen, failure = pod_seen(pod), failed_pod(pod, seen=0)
    if failure is not None:
        code, signal = failure.exit_code, signal_name(failure.exit_code)
        words = [f"exited {code}" if code is not None else "failed", signal, failure.reason]
        how = ", ".join(word for word in words if word and word != "Error")
        end: End = "failed" if failure.own else "disrupted" if seen.disrupted else "stopped"
        return end, how, code
    if seen.phase == "Succeeded":
        return "succeeded", "exited 0", 0
    if seen.deleting:
        return "stopped", "is being stopped", None
    if seen.phase == "Running" and not seen.waits:
        return "running", "runs", None
    return "waiting", ": ".join(word for word in ("waits", seen.waits, seen.why) if word), None
