"""What a node left behind, and what of it is wrong: pure, over what was collected."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.soak.plan import Plan

__all__ = ["Evidence", "Generation", "collected", "wrongs"]


@dataclass(frozen=True, slots=True)
class Generation:
    """One object of the node, as the cluster has it; times as Kubernetes writes them, `finished` "" if unknown."""

    number: int
    created: str
    finished: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known of a node that ended.

    Attributes:
        outcome: the last Outcome that a client told, as JSON; None when nobody told any.
        generations: its objects that were still there.
        doubled: what pods said that met an earlier run of themselves.
        done: by host name (which holds the generation's name), how often its pod came to its end.
        daemon_kills: how many daemons were killed in its life.
        client_kills: how many clients.
    """

    outcome: dict[str, Any] | None
    generations: tuple[Generation, ...]
    doubled: str
    done: dict[str, int]
    daemon_kills: int
    client_kills: int


def collected(directory: Path) -> tuple[str, dict[str, int]]:
    """Return what the pods wrote: of overlaps, and of their ends."""
    doubled = directory / "doubled"
    hosts = [host for path in directory.glob("done-*") for host in path.read_text().split()]
    return doubled.read_text() if doubled.exists() else "", {host: hosts.count(host) for host in hosts}


def wrongs(plan: Plan, seen: Evidence) -> list[str]:
    """Return a sentence for everything that is lost, doubled or left."""
    return [*_lost(plan, seen), *_doubled(plan, seen), *_left(plan, seen)]


def _lost(plan: Plan, seen: Evidence) -> list[str]:
    if seen.outcome is None:
        return ["nobody told how it ended"]
    found = []
    expected = {"reason": plan.reason, "exit_code": plan.exit_code}
    told = {key: seen.outcome[key] for key in expected}
    if told != expected:
        found.append(f"ended as {told}, not as {expected}: {seen.outcome['message']}")
    elif plan.succeeded is not None and seen.outcome["succeeded"] != plan.succeeded:
        found.append(f"counts {seen.outcome['succeeded']} succeeded pods, not {plan.succeeded}")
    if plan.reason == "succeeded" and plan.pods > len(seen.done):
        found.append(f"succeeded, but only {sorted(seen.done)} came to their end")
    return found


def _doubled(plan: Plan, seen: Evidence) -> list[str]:
    found = [f"overlap: {seen.doubled.strip()}"] if seen.doubled else []
    numbers = [one.number for one in seen.generations]
    if len(set(numbers)) != len(numbers):
        found.append(f"several objects of one generation: {numbers}")
    for before, after in zip(seen.generations, seen.generations[1:], strict=False):
        if not before.finished or before.finished > after.created:
            found.append(f"generation {after.number} was made at {after.created}, before {before} had ended")
    if len(numbers) > 1 + seen.client_kills:
        found.append(f"{len(numbers)} generations after {seen.client_kills} kills of its client")
    runs = 1 + seen.daemon_kills + (plan.deed == "suspended") + plan.words.get("restarts", 0)
    found += [f"{host} came to its end {times} times" for host, times in seen.done.items() if times > runs]
    return found


def _left(plan: Plan, seen: Evidence) -> list[str]:
    expected = int(plan.keep == "always" and plan.deed != "cancelled")
    if not seen.client_kills and len(seen.generations) != expected:
        return [f"with keep: {plan.keep} there are {len(seen.generations)} objects after its end, not {expected}"]
    return []
