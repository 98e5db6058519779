"""The lines that tell how a node is doing: each phase when it begins, its counts ever more seldom."""

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from dagset.cli.screen import Screen

if TYPE_CHECKING:
    from dagset.observe import Observation, Outcome, Phase

__all__ = ["Progress", "pods", "restart_line", "spell_s", "summary"]

PACE_S, SLOWEST_S = 1.0, 60.0


class Progress:
    """Takes every visible change and shows what a person can follow; `seen` is the last one."""

    def __init__(
        self, screen: Screen, *, with_counts: bool = True, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Show nothing yet; without counts, only that another phase has begun."""
        self._screen, self._with_counts, self._clock = screen, with_counts, clock
        self._lock = threading.Lock()
        self._phase, self._shown_at, self._pending = "", -PACE_S, ""
        self._restarts, self._began = 0, clock()
        self._timer: threading.Timer | None = None
        self.seen: Observation | None = None

    def tell(self, seen: "Observation", phase: "Phase") -> None:
        """Show the change now, or what is true when its time comes."""
        from dagset.observe import judge

        if self.seen is None:
            self._restarts = seen.restarts  # those before we came are no news
        self.seen = seen
        if judge(seen) is not None:
            return self.stop()
        restarts = seen.restarts
        with self._lock:
            if seen.kind == "JobSet" and restarts > self._restarts:
                self._restarts, self._phase = restarts, "restarting"
                self._pending = restart_line(seen)
                return self._show()
            detail = phase.detail.removeprefix("array: ")
            if seen.ending is not None:  # whoever ends it has told why, or a moment later the Outcome does
                detail = detail.removeprefix(f"{seen.ending.reason}: {seen.ending.message}; ")
            self._pending = f"{phase.name}: {detail}" if detail else phase.name
            wait_s = self._shown_at + self._pace_s() - self._clock()
            if phase.name != self._phase or (wait_s <= 0 and self._with_counts):
                self._phase = phase.name
                self._show()
            elif self._timer is None and self._with_counts:
                self._timer = threading.Timer(wait_s, self._late)
                self._timer.daemon = True
                self._timer.start()
        return None

    def stop(self) -> None:
        """Show nothing more."""
        with self._lock:
            self._pending = ""
            if self._timer is not None:
                self._timer.cancel()
            self._timer = None

    def _pace_s(self) -> float:
        """Return the time between two counts: a second at first, a tenth of the time so far later, at most a minute."""
        return min(max(PACE_S, (self._clock() - self._began) / 10), SLOWEST_S)

    def _late(self) -> None:
        with self._lock:
            self._timer = None
            self._show()

    def _show(self) -> None:
        if self._pending:
            self._screen.progress(self._pending)
            self._shown_at, self._pending = self._clock(), ""


def restart_line(seen: "Observation") -> str:
    """Return which restart of a gang has begun, of how many, and because of whom."""
    from dagset.observe.cause import gang_cause
    from dagset.observe.spec import restarts_allowed

    cause = gang_cause(seen, attempt=seen.restarts - 1)
    counted = (seen.owner.get("status") or {}).get("restartsCountTowardsMax") or 0
    of = f"{counted} of {restarts_allowed(seen.owner)}"
    first = cause.culprit
    who = "" if first is None else f"{first.role}[{first.index}] "
    how = cause.reason if first is None or first.exit_code is None else f"exited {first.exit_code}"
    if cause.reason == "disrupted":
        return f"restarting, not counted: disrupted{f' ({who}{how})' if who else ''}"
    if first is None and not counted:
        return "restarting"  # nobody saw why: a watch was away
    return f"restarting {of}: {who}{how}"


def summary(outcome: "Outcome", *, elapsed_s: float | None, with_lines: bool) -> str:
    """Return how it ended, in one line; after a failure also the hint and, if asked, the pod's last lines."""
    took = "" if elapsed_s is None else f" {'in' if outcome.phase == 'succeeded' else 'after'} {spell_s(elapsed_s)}"
    if outcome.phase == "succeeded":
        are_restarts = outcome.disruptions <= outcome.restarts  # else Kueue's evictions are among them
        told = (
            f"{outcome.disruptions} of them disruptions" if are_restarts else _count(outcome.disruptions, "disruption")
        )
        extra = f", {told}" if outcome.disruptions else ""
        lines = [f"succeeded{took}: {pods(outcome.pods)}, {_count(outcome.restarts, 'restart')}{extra}"]
        lines += [f"note: {outcome.message}"] if outcome.hint else []
    elif outcome.phase == "failed":
        lines = [f"FAILED {outcome.reason}{took}: {outcome.message}"]
    else:
        lines = [f"{outcome.phase}{took}: {outcome.message.removeprefix(f'{outcome.phase}: ')}"]
    if with_lines and outcome.first_failed is not None and outcome.first_failed.last_lines:
        lines.append(f"last lines of {outcome.first_failed.role}[{outcome.first_failed.index}]:")
        lines += [f"  | {line}" for line in outcome.first_failed.last_lines]
    return "\n".join([*lines, *([f"hint: {outcome.hint}"] if outcome.hint else [])])


def pods(count: int) -> str:
    """Return `1 pod` or `4 pods`."""
    return _count(count, "pod")


def _count(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


def spell_s(seconds: float) -> str:
    """Return `4.2 s`, `2 min 3 s` or `1 h 2 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
