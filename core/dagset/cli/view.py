"""The picture of a running node at the foot of a terminal: a pure function of what was seen, the time and the size."""

import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dagset.cli.clean import on_terminal
from dagset.cli.progress import pods, spell_s

if TYPE_CHECKING:
    from rich.text import Text

    from dagset.observe import Observation, Phase
    from dagset.observe.picture import PodNow, RoleNow
    from dagset.run.limits import Limits

__all__ = ["Sight", "facts", "role_parts", "rows", "view"]

Part = tuple[str, str]  # a text and its style
COLOURS = {"queued": "yellow", "starting": "yellow", "running": "green", "restarting": "magenta", "failed": "red"}
COLOURS |= {"waiting": "yellow", "ending": "magenta", "succeeded": "dim", "cancelled": "magenta", "vanished": "red"}
DETAIL_LINES, MOST_LINES, SMALL = 3, 18, 4


@dataclass(frozen=True, slots=True)
class Sight:
    """What is drawn: the node, the server's time, its limits, and the last line of each pod by its prefix."""

    seen: "Observation"
    phase: "Phase"
    now: float
    limits: "Limits"
    last_lines: Mapping[str, str] = field(default_factory=dict)


def view(sight: Sight, *, width: int, height: int) -> "list[Text]":
    """Return the lines to draw, none wider than `width`; at most half of the terminal, and at most 18."""
    from rich.text import Text

    room = max(1, min(height // 2, MOST_LINES))
    lines = [[*_head(sight)], *_detail(sight, width=width)]
    if room - len(lines) >= 1 and sight.seen.pods:
        lines += _pods(sight, room=room - len(lines))
    drawn = [Text.assemble(*line, no_wrap=True, end="") for line in lines[:room]]
    for text in drawn:
        text.rstrip()
        text.truncate(max(1, width), overflow="ellipsis")
    return drawn


def _head(sight: Sight) -> Iterator[Part]:
    """Yield name, phase, how long, and what has been spent."""
    seen, phase = sight.seen, sight.phase
    yield str(seen.owner.get("metadata", {}).get("name", "?")), "bold"
    yield f"  {phase.name}", f"bold {COLOURS.get(phase.name, 'default')}"
    for text in facts(sight):
        yield f" · {text}", ""


def facts(sight: Sight) -> list[str]:
    """Return how long it has run or waits, its restarts, and the limit that counts down."""
    return [text for text in (_time(sight), _restarts(sight.seen), _limit(sight)) if text]


def _time(sight: Sight) -> str:
    """Return how long it has run, of how long it may; before that, how long it waits."""
    from dagset.model.duration import format_duration
    from dagset.observe import reading
    from dagset.run.limits import ran_s

    seen, now, deadline_s = sight.seen, sight.now, sight.limits.deadline_s
    if sight.phase.name == "queued":
        return "" if sight.phase.since is None else f"for {_spell(now - sight.phase.since)}"
    ran = ran_s(seen, now=now)
    if ran is not None:
        return _spell(ran) + (f" of {format_duration(deadline_s)}" if deadline_s else "")
    created = reading.seconds(seen.owner, "metadata", "creationTimestamp")
    return "" if created is None else f"created {_spell(now - created)} ago"


def _limit(sight: Sight) -> str:
    """Return how much is left of the time to start or to be admitted, while it counts."""
    from dagset.model.duration import format_duration
    from dagset.run.limits import remaining

    found = remaining(sight.seen, sight.limits, now=sight.now)
    told = (
        f"{limit.limit} {format_duration(limit.allowed)}, {_spell(limit.left)} left"
        for limit in found
        if limit.left is not None and limit.limit in ("start_timeout", "queue_timeout")
    )
    return ", ".join(told)


def _restarts(seen: "Observation") -> str:
    from dagset.observe.outcome import disruptions_of, restarts_of
    from dagset.observe.spec import restarts_allowed

    done, allowed, free = restarts_of(seen), restarts_allowed(seen.owner), disruptions_of(seen)
    counted = max(0, done - free) if seen.is_gang else done
    of = f" of {allowed}" if seen.is_gang else f", at most {allowed} per index"
    told = f"restarts {counted}{of}" if counted or allowed else ""
    return ", ".join(part for part in (told, _free(free, after=told)) if part)


def _free(count: int, *, after: str) -> str:
    return f"{count} free{'' if after else ' restart' if count == 1 else ' restarts'}" if count else ""


def _detail(sight: Sight, *, width: int) -> Iterator[list[Part]]:
    told = sight.phase.detail.removeprefix("array: ")
    words = " ".join(" ".join(map(on_terminal, told.splitlines())).split())
    room = max(10, width - 2)
    lines = textwrap.wrap(words, room, max_lines=DETAIL_LINES, placeholder=" …", break_on_hyphens=False)
    return ([(f"  {line}", "yellow" if sight.phase.waits else "")] for line in lines)


def _pods(sight: Sight, *, room: int) -> list[list[Part]]:
    """Return a line for each pod; where they are too many, a line for each role and the interesting ones."""
    from dagset.observe.picture import pods_now, roles_now

    roles = roles_now(sight.seen)
    there = sum(_there(role) for role in roles)
    if there <= room:
        return list(rows(pods_now(sight.seen, most=room), sight))
    few = roles[:SMALL] if len(roles) < room else ()
    shown = pods_now(sight.seen, most=max(0, room - len(few) - 1))
    lines = [[("  ", ""), *role_parts(role, max(len(each.role) for each in few))] for role in few]
    return [*lines, *rows(shown, sight), [(f"  … {_rest(roles, shown)}", "dim")]]


def _there(role: "RoleNow") -> int:
    return role.failed + role.waiting + role.ending + role.running + role.succeeded


def role_parts(role: "RoleNow", name_width: int) -> list[Part]:
    """Return how many pods of a role are in which state."""
    from dagset.observe.picture import STATES

    parts: list[Part] = [(f"{role.role:<{name_width}}  {pods(role.pods)}: ", "")]
    counts = [(f"{count} {state}", COLOURS.get(state, "")) for state in STATES if (count := getattr(role, state))]
    lacking = role.pods - _there(role)
    counts += [(f"{lacking} not made yet", "dim")] if lacking > 0 else []
    for number, count in enumerate(counts):
        parts += [(", ", "")] * bool(number) + [count]
    return parts


def rows(shown: "tuple[PodNow, ...]", sight: Sight, *, with_hosts: bool = False) -> Iterator[list[Part]]:
    """Yield a line for each pod: its state, what it waits for or how it failed, and its last line."""
    from dagset.run.lines import label_of

    labels = [label_of(pod.role, pod.index, pod.attempt) for pod in shown]
    width = max(map(len, labels), default=0)
    hosts = max((len(pod.host or "") for pod in shown), default=0) if with_hosts else 0
    for pod, label in zip(shown, labels, strict=True):
        row: list[Part] = [(f"  {label:<{width}}  ", ""), (f"{pod.state:<9}", COLOURS.get(pod.state, ""))]
        row += [(f"  {pod.host or '':<{hosts}}", "")] if hosts else []
        words = pod.why if pod.state in ("waiting", "failed") else ""
        last = sight.last_lines.get(label) or (pod.last_lines[-1] if pod.last_lines else "")
        told = [" ".join(on_terminal(text).split()) for text in (words, last) if text]
        yield [*row, (f"  {' | '.join(told)}", "dim")] if told else row


def _rest(roles: "tuple[RoleNow, ...]", shown: "tuple[PodNow, ...]") -> str:
    from dagset.observe.picture import STATES

    listed = Counter(pod.state for pod in shown)
    counts = {state: sum(getattr(role, state) for role in roles) - listed[state] for state in STATES}
    return f"{pods(sum(counts.values()))} more: " + ", ".join(f"{n} {state}" for state, n in counts.items() if n)


def _spell(seconds: float) -> str:
    """Return whole seconds: a number that is drawn four times a second should not flicker."""
    return spell_s(max(0.0, float(int(seconds)))).replace(".0 s", " s")
