"""What the page says, as plain values: all deciding is done here, the template only places it."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import yaml

from dagset.compile.render import Dumper
from dagset.errors import InvalidNode
from dagset.explain.limits import time_limits
from dagset.model.duration import format_duration
from dagset.observe import Outcome, judge, phase_of, reading, spec
from dagset.observe.diagnosis import who
from dagset.observe.facts import FailedPod
from dagset.observe.outcome import disruptions_of, restarts_of
from dagset.observe.signals import signal_name
from dagset.observe.timeline import queued_s
from dagset.report.chart import Chart, chart_of, spell_s
from dagset.report.material import Material, Tail
from dagset.report.tracks import End, Track, place_of

__all__ = ["Failure", "RoleRow", "View", "view_of"]

MOST_FAILURES, MOST_WAITS, MOST_TAILS, MOST_LINES, LINE = 50, 10, 20, 40, 300
ENDS: tuple[End, ...] = ("running", "waiting", "succeeded", "failed", "disrupted", "stopped")
HIDDEN = "(not shown in reports)"


@dataclass(frozen=True, slots=True)
class RoleRow:
    """How many pods of a role there are, by how each index ended or stands; `asked` is what the node asks for.

    `earlier` counts the runs of its indexes that were followed by another one.
    """

    role: str
    asked: int
    counts: tuple[int, ...]
    earlier: int


@dataclass(frozen=True, slots=True)
class Failure:
    """One pod that failed, or an attempt that did."""

    title: str
    how: str
    host: str
    last_line: str


@dataclass(frozen=True, slots=True)
class View:
    """The page. Texts are as the world gave them: the template escapes them."""

    title: str
    place: str
    phase: str
    reason: str
    message: str
    hint: str
    facts: tuple[tuple[str, str], ...]
    chart: Chart | None
    ends: tuple[End, ...]
    roles: tuple[RoleRow, ...]
    unseen: str
    waits: tuple[tuple[str, int], ...]
    attempts: tuple[Failure, ...]
    failures: tuple[Failure, ...]
    failures_left: int
    tails: tuple[Tail, ...]
    limits: tuple[tuple[str, str, str], ...]
    manifest: str
    made_at: str


def view_of(material: Material) -> View:
    """Return all that the page says; bounded, however many pods and lines there were."""
    seen, outcome = material.seen, judge(material.seen)
    phase = phase_of(seen, now=material.now)
    tracks = sorted((_settled(track, material.now, outcome) for track in material.tracks), key=place_of)
    failed = sorted(seen.evidence.failures.values(), key=lambda pod: (pod.ended_at or 0.0, pod.seen))
    own = [pod for pod in failed if pod.own] or failed  # its peers were stopped, which is no news
    meta = reading.mapping(seen.owner, "metadata")
    return View(
        title=spec.name_of(seen.owner),
        place=f"{seen.kind} in namespace {reading.text(meta, 'namespace')}",
        phase=phase.name,
        reason=outcome.reason if outcome is not None and outcome.reason != phase.name else "",
        message=phase.detail.removeprefix("array: "),
        hint="" if outcome is None else outcome.hint,
        facts=tuple(_facts(material, outcome, tracks)),
        chart=chart_of(
            tracks,
            born_at=reading.seconds(meta, "creationTimestamp"),
            until=_until(material, outcome, tracks),
            is_gang=seen.kind == "JobSet",
        ),
        ends=tuple(end for end in ENDS if any(track.end == end for track in tracks)),
        roles=tuple(_roles(seen.owner, tracks)),
        unseen=_unseen(material, outcome, tracks),
        waits=tuple(Counter(track.how for track in tracks if track.end == "waiting").most_common(MOST_WAITS)),
        attempts=tuple(_attempts(outcome, is_gang=seen.is_gang)),
        failures=tuple(_failure(pod) for pod in own[:MOST_FAILURES]),
        failures_left=max(0, len(own) - MOST_FAILURES),
        tails=tuple(_cut(tail, tracks) for tail in material.tails[:MOST_TAILS]),
        limits=tuple(_limits(seen.owner)),
        manifest=_manifest(seen.owner),
        made_at=reading.rfc3339(material.now) or "",
    )


def _settled(track: Track, now: float, outcome: Outcome | None) -> Track:
    """Return a pod's life as it is over when the node is, also if nobody has seen it end."""
    if outcome is None or track.ended_at is not None:
        return track
    ended_at = reading.seconds({"at": outcome.finished_at}, "at") or now
    how = {"running": "ran until the node ended", "waiting": "waited until the node ended"}.get(
        track.end, "was stopped"
    )
    return replace(track, end="stopped", how=how, ended_at=max(ended_at, track.began_at or track.made_at or 0.0))


def _unseen(material: Material, outcome: Outcome | None, tracks: list[Track]) -> str:
    """Say what was deleted before anybody looked, "" if nothing was."""
    first = min((track.attempt for track in tracks), default=0)
    if material.seen.kind == "JobSet" and first:
        times = "the attempt" if first == 1 else f"the {first} attempts"
        return f"The pods of {times} before were deleted before this report looked (--follow looks all the time)."
    lanes = len({(track.role, track.index) for track in tracks})
    if outcome is not None and lanes < spec.pods_asked(material.seen.owner):
        left = spec.pods_asked(material.seen.owner) - lanes
        return f"{left} {'pod was' if left == 1 else 'pods were'} never made, or deleted before this report looked."
    return ""


def _facts(material: Material, outcome: Outcome | None, tracks: list[Track]) -> Iterator[tuple[str, str]]:
    seen = material.seen
    starts = [job.first_started_at for job in seen.jobs.values() if job.first_started_at is not None]
    has_begun = outcome is not None or any(track.began_at is not None for track in tracks)
    began = min(starts, default=None) if has_begun else None
    end = reading.seconds({"at": outcome.finished_at}, "at") if outcome is not None else None
    yield "created", reading.text(seen.owner, "metadata", "creationTimestamp")
    if began is not None:
        yield "started", reading.rfc3339(began) or ""
    if end is not None:
        yield "ended", reading.rfc3339(end) or ""
    if began is not None:
        yield "took" if end is not None else "so far", _span((end or material.now) - began)
    waited = queued_s(seen.timeline, until=end or material.now)
    if waited or spec.queue_name(seen.owner):
        yield "in the queue", f"{spell_s(waited)} ({spec.queue_name(seen.owner) or 'suspended by hand'})"
    asked = spec.pods_asked(seen.owner)
    done = outcome.succeeded if outcome is not None else sum(job.succeeded for job in seen.jobs.values())
    yield "succeeded", f"{done} of {asked} {'pod' if asked == 1 else 'pods'}"
    yield "restarts", str(outcome.restarts if outcome is not None else restarts_of(seen))
    if (free := disruptions_of(seen)) > 0:
        yield "disruptions", str(free)
    if outcome is not None and outcome.failed_indexes:
        yield "failed indexes", outcome.failed_indexes
    if outcome is not None:
        yield "exit code", str(outcome.exit_code)


def _span(seconds: float) -> str:
    return spell_s(seconds) if seconds >= 1 else "under 1s"  # the API's times are whole seconds


def _until(material: Material, outcome: Outcome | None, tracks: list[Track]) -> float:
    """Return where the time axis ends: now while it runs, else at the last end of anything."""
    end = reading.seconds({"at": outcome.finished_at}, "at") if outcome is not None else material.now
    return max([at for at in (end, *(track.ended_at for track in tracks)) if at is not None], default=material.now)


def _roles(owner: Mapping[str, Any], tracks: list[Track]) -> Iterator[RoleRow]:
    jobs = spec.job_specs(owner)
    for role in jobs if "" not in jobs else dict.fromkeys([track.role for track in tracks] or [""]):
        own = [track for track in tracks if track.role == role]
        last = {track.index: track for track in own}  # tracks are sorted: the last run of each index stays
        counts = Counter(track.end for track in last.values())
        asked = reading.count(jobs[role if role in jobs else ""], "completions")
        row = tuple(counts[end] for end in ENDS if any(t.end == end for t in tracks))
        yield RoleRow(role or "pods", asked, row, len(own) - len(last))


def _attempts(outcome: Outcome | None, *, is_gang: bool) -> Iterator[Failure]:
    for each in outcome.attempts if outcome is not None else ():
        first = each.first_failed
        if first is None:
            yield Failure(f"attempt {each.attempt}", each.reason or "its pods are gone, and with them why", "", "")
            continue
        pod, how = who(first.role, first.index), _ended(first.exit_code, first.reason)
        told = (f"attempt {each.attempt}", f"{each.reason}: {pod} {how}") if is_gang else (pod, f"{each.reason}: {how}")
        yield Failure(*told, first.host or "", _last(first.last_lines))


def _failure(pod: FailedPod) -> Failure:
    title = f"{who(pod.role, pod.index)}{f'#{pod.attempt}' if pod.attempt else ''}"
    own = "" if pod.own else " (not by itself)"
    return Failure(title, f"{_ended(pod.exit_code, pod.reason)}{own}", pod.host or "", _last(pod.last_lines))


def _ended(code: int | None, reason: str) -> str:
    words = [f"exited {code}" if code is not None else "failed", signal_name(code), reason if reason != "Error" else ""]
    return ", ".join(word for word in words if word)


def _last(lines: tuple[str, ...]) -> str:
    return lines[-1][:LINE] if lines else ""


def _cut(tail: Tail, tracks: list[Track]) -> Tail:
    how = next((track.how for track in tracks if track.title == tail.title), "")
    return replace(tail, how=how, lines=[line[:LINE] for line in tail.lines][-MOST_LINES:])


def _limits(owner: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield word, duration and meaning; nothing for an object whose rules cannot be read."""
    try:
        found = time_limits(dict(owner))
    except (InvalidNode, LookupError, TypeError, ValueError, AttributeError):
        return
    for limit in found:
        if limit.seconds:
            yield limit.word, format_duration(limit.seconds), f"{limit.held_by}: {limit.counts}; then {limit.then}"


def _manifest(owner: Mapping[str, Any]) -> str:
    """Return the object as YAML, without its status and without the values of variables: a report is passed on."""
    spec_text = {key: owner[key] for key in ("apiVersion", "kind", "metadata", "spec") if key in owner}
    return yaml.dump(_without_values(spec_text), Dumper=Dumper, sort_keys=False, width=2**31, allow_unicode=True)


def _without_values(value: Any) -> Any:
    if isinstance(value, Mapping):
        hides = {"name", "value"} <= value.keys() and not str(value["name"]).startswith("DAGSET_")
        found = {key: _without_values(each) for key, each in value.items()}
        return {**found, "value": HIDDEN} if hides else found
    return [_without_values(each) for each in value] if isinstance(value, list) else value
