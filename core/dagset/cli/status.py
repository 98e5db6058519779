"""`dagset status`: where a node stands right now, with its pods, its past attempts and its limits."""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from dagset.cli.find import target_of
from dagset.cli.options import connect, in_cluster, json_or_text, name_or_node_argument
from dagset.cli.progress import spell_s, summary
from dagset.cli.screen import Screen
from dagset.cli.showing import form_of, plain_option
from dagset.cli.view import Sight, facts, role_parts, rows
from dagset.errors import DagsetError

if TYPE_CHECKING:
    from dagset.cluster.protocol import Cluster
    from dagset.observe import Observation
    from dagset.observe.picture import PodNow

__all__ = ["status"]

PODS_SHOWN, LINES_OF = 20, 8


@click.command(short_help="Say where a node stands, or how it ended.")
@name_or_node_argument
@in_cluster
@json_or_text
@click.option("-w", "--watch", is_flag=True, help="Go on looking until it has ended; Ctrl-C leaves it alone.")
@plain_option
@click.pass_context
def status(
    ctx: click.Context,
    *,
    name_or_node: str,
    cluster: str | None,
    namespace: str | None,
    output: str,
    watch: bool,
    plain: bool,
) -> None:
    """Say where NAME, or the newest run of NODE, stands: its pods by role, what they wait for, its past attempts, what
    is left of its limits, and the last line of some pods.

    With -o json: the whole Outcome once it has ended; before, kind, namespace, name, uid, phase, message, restarts,
    restarts_allowed, disruptions, attempts, queued_s, started_at, roles, pods and limits. --watch only looks on: limits
    are held by `dagset run` and `dagset wait`.

    \b
    Exit codes:
      0    it was found; how it ended is in the text
      1    there is no such node
      125  no cluster answers

    \b
    Example:
      dagset status node.yaml --watch
    """
    target = target_of(name_or_node)
    opened = connect(cluster, namespace=namespace)
    owner = target.find_or_exit(cluster=opened, namespace=opened.namespace)
    screen = Screen(as_json=output == "json")
    if watch:
        from dagset.cli.wait import look_on

        form = form_of(output, plain=plain, quiet=False, writes_stdout=False)
        look_on(owner, cluster=opened, screen=screen, form=form, hold=False)
    _tell(owner, opened, screen, as_json=output == "json")
    ctx.exit(0)


def _tell(owner: dict[str, Any], cluster: "Cluster", screen: Screen, *, as_json: bool) -> None:
    import msgspec

    from dagset.observe import judge, phase_of
    from dagset.run.follow import look
    from dagset.run.owners import ref_of

    ref = ref_of(owner)
    seen = look(ref, cluster=cluster, closely=True)
    outcome, now = judge(seen), cluster.now()
    if as_json:
        told = _brief(seen, now=now) if outcome is None else outcome
        screen.result(msgspec.json.encode(told).decode())
        return
    if outcome is not None:
        lines = [f"{ref}: {summary(outcome, elapsed_s=None, with_lines=True)}"]
    else:
        phase = phase_of(seen, now=now)
        lines = [f"{ref}: {phase.name}, {phase.detail.removeprefix('array: ')}", *_now(seen, cluster, now=now)]
    screen.result("\n".join([*lines, *_attempts(seen)]))


def _brief(seen: "Observation", *, now: float) -> dict[str, Any]:
    """Return the fields of an Outcome that a node has before its end, and how it is now."""
    from dagset.observe import phase_of, spec
    from dagset.observe.outcome import history_of
    from dagset.observe.picture import pods_now, roles_now
    from dagset.run.limits import limits_of, remaining

    meta, phase, history = seen.owner["metadata"], phase_of(seen, now=now), history_of(seen)
    del history["finished_at"]
    return {
        **{"name": meta["name"], "namespace": meta["namespace"], "kind": seen.kind, "uid": meta["uid"]},
        **{"phase": phase.name, "message": phase.detail, "restarts_allowed": spec.restarts_allowed(seen.owner)},
        **history,
        "roles": roles_now(seen),
        "pods": pods_now(seen),
        "limits": remaining(seen, limits_of(seen.owner), now=now),
    }


def _now(seen: "Observation", cluster: "Cluster", *, now: float) -> Iterator[str]:
    """Yield what is true of a running node: times, limits, roles, pods."""
    from dagset.observe import phase_of
    from dagset.observe.picture import pods_now, roles_now
    from dagset.run.limits import limits_of

    limits, shown, roles = limits_of(seen.owner), pods_now(seen, most=PODS_SHOWN), roles_now(seen)
    sight = Sight(seen, phase_of(seen, now=now), now, limits, _last_lines(seen, shown, cluster))
    yield "  " + " · ".join(facts(sight))
    yield from _limits(sight)
    width = max((len(role.role) for role in roles), default=0)
    yield from ("  " + _text(role_parts(role, width)) for role in roles)
    yield from (_text(row).rstrip() for row in rows(shown, sight, with_hosts=True))
    if len(shown) == PODS_SHOWN < sum(role.pods for role in roles):
        yield "  … and more; -o json has all pods"


def _limits(sight: Sight) -> Iterator[str]:
    from dagset.model.duration import format_duration
    from dagset.run.limits import remaining

    told = []
    for limit in remaining(sight.seen, sight.limits, now=sight.now):
        if limit.limit == "max_disruptions":
            told.append(f"max_disruptions {limit.allowed} ({limit.left:.0f} left)")
        elif limit.left is not None:
            told.append(f"{limit.limit} {format_duration(limit.allowed)} ({spell_s(limit.left)} left)")
        else:
            told.append(f"{limit.limit} {format_duration(limit.allowed)} (not counting)")
    if told:
        yield f"  limits: {', '.join(told)}"


def _attempts(seen: "Observation") -> Iterator[str]:
    """Yield a line for each attempt that was followed by another."""
    from dagset.observe.attempts import attempts_of
    from dagset.run.lines import label_of

    for attempt in attempts_of(seen):
        first = attempt.first_failed
        if first is None:
            why = f", {attempt.reason}" if attempt.reason else "; its pods are gone, and with them why"
            yield f"  attempt {attempt.attempt} ended{why}"
            continue
        how = first.reason if first.exit_code is None else f"exited {first.exit_code}"
        last = f" | {first.last_lines[-1]}" if first.last_lines else ""
        yield f"  attempt {attempt.attempt} ended, {attempt.reason}: {label_of(first.role, first.index, 0)} {how}{last}"


def _last_lines(seen: "Observation", shown: "tuple[PodNow, ...]", cluster: "Cluster") -> dict[str, str]:
    """Return the last line of the first few pods that run, as far as the cluster tells."""
    from dagset.run.lines import Seen, label_of

    found: dict[str, str] = {}
    namespace = seen.owner["metadata"]["namespace"]
    for pod in [pod for pod in shown if pod.state == "running"][:LINES_OF]:
        with contextlib.suppress(DagsetError):
            lines = Seen().fresh(cluster.logs(namespace=namespace, pod=pod.pod, follow=False, tail=1))
            found |= {label_of(pod.role, pod.index, pod.attempt): line for line in lines}
    return found


def _text(parts: list[tuple[str, str]]) -> str:
    return "".join(text for text, _ in parts)
