"""Which node comes next, and how it has to end: a pure choice of a random generator."""

from dataclasses import dataclass
from random import Random
from typing import Any

__all__ = ["KINDS", "Plan", "planned"]

# Each pod holds a lock as long as it or anything it started lives: whoever comes while it is held came too early.
# `started` and `done` count its runs; what is written before `done` may happen again, for a kill may come between.
PRELUDE = """
cd "$SOAK_DIR"
me=$DAGSET_ROLE-$DAGSET_INDEX
exec 9>>lock-$me
flock -n 9 || echo "$HOSTNAME met an earlier run of $me" >> doubled
echo "$HOSTNAME" >> started-$me
"""
FINALE = 'echo "$HOSTNAME" >> done-$me'
FAILING = "[ $me = worker-1 ] && exit 3"
FLAKY = "[ $me != worker-1 ] || [ -e once ] || { touch once; exit 7; }"
AWAY = "setsid sleep 600 &\n(setsid sleep 600 &)"

KINDS = (
    "array-ok", "array-failing", "array-flaky", "array-away", "array-suspended", "array-cancelled",
    "gang-ok", "gang-failing", "gang-flaky", "gang-away", "gang-suspended", "gang-cancelled",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Plan:
    """One node and what is done to it.

    Attributes:
        words: the node as a node file has it, without its directory.
        reason: how it has to end.
        succeeded: how many pods have to be counted as succeeded; None where a failure may come first.
        kills: after how many seconds each the client is killed.
    """

    name: str
    kind: str
    words: dict[str, Any]
    reason: str
    exit_code: int
    pods: int
    succeeded: int | None
    keep: str
    kills: tuple[float, ...]

    @property
    def deed(self) -> str:
        """What is done to it while it runs: suspended, cancelled, or nothing of these."""
        return self.kind.partition("-")[2]


def planned(name: str, *, rng: Random) -> Plan:
    """Choose a node; equal generators choose equally."""
    kind = rng.choice(KINDS)
    coupling, deed = kind.split("-")
    workers = rng.randint(2, 5)
    reason, exit_code = _ending(coupling, deed)
    words = {
        "name": name, "coupling": coupling, "restarts": _restarts(deed, rng=rng),
        "roles": _roles(coupling, workers, script=_script(deed, rng=rng)),
    }  # fmt: skip
    pods = workers + (coupling == "gang")
    succeeded = pods if reason == "succeeded" else None
    kills = tuple(rng.uniform(0.2, 5.0) for _ in range(rng.choice((0, 0, 1, 1, 2, 3)))) if deed != "cancelled" else ()
    return Plan(name, kind, words, reason, exit_code, pods, succeeded, rng.choice(("always", "never")), kills)


def _ending(coupling: str, deed: str) -> tuple[str, int]:
    if deed == "failing":
        return ("failed_indexes" if coupling == "array" else "app_error"), 3
    return ("cancelled", 120) if deed == "cancelled" else ("succeeded", 0)


def _restarts(deed: str, *, rng: Random) -> int:
    return {"failing": rng.randint(0, 1), "flaky": rng.randint(1, 3)}.get(deed, 0)


def _script(deed: str, *, rng: Random) -> str:
    sleep_s = {"cancelled": 600.0, "suspended": rng.uniform(2.0, 5.0)}.get(deed, rng.uniform(0.0, 3.0))
    before = {"failing": FAILING, "flaky": FLAKY, "away": AWAY}.get(deed, "")
    return "\n".join((PRELUDE, before, f"sleep {sleep_s:.2f}", FINALE))


def _roles(coupling: str, workers: int, *, script: str) -> list[dict[str, Any]]:
    each = {"image": "soak:1", "grace_period": "1s", "command": ["sh", "-c", script]}
    roles = [{"name": "worker", "pods": workers, **each}]
    return [{"name": "leader", **each}, *roles] if coupling == "gang" else roles
