"""What an explanation says, as values: the same for the screen and as JSON."""

from typing import Literal

import msgspec

__all__ = ["EndRule", "Explanation", "Limit", "RoleMade", "Runs", "VerdictRow"]

Then = Literal["node fails", "index fails", "all start again", "index starts again"]


class RoleMade(msgspec.Struct, frozen=True):
    """One role as objects. `pod_name` and `host_name` are index 0's; `host_name` is "" where peers have none."""

    name: str
    pods: int
    at_once: int
    image: str
    job: str
    pod_name: str
    host_name: str
    after: tuple[str, ...] = ()


class Runs(msgspec.Struct, frozen=True):
    """How often one pod may run. `free` are the restarts that do not count, None without a bound, 0 where none is free;
    the last of them is cut short, because with it the node is beyond what a follower allows.

    `at_most` is 1 + restarts + free, None without a bound; `with_retries` is that for all nodes an engine may make.
    """

    restarts: int
    free: int | None
    at_most: int | None
    retries: int
    with_retries: int | None
    again_by: str


class EndRule(msgspec.Struct, frozen=True):
    """What comes of a pod's end. `counts`: against `restarts`, of which there are `times`; `reason` is the last end's.

    `roles` is () where it is so in all of them; `at_once`: what still runs is stopped.
    """

    when: str
    then: Then
    roles: tuple[str, ...] = ()
    codes: tuple[int, ...] = ()
    counts: bool = False
    times: int | None = 0
    reason: str = ""
    at_once: bool = True


class Limit(msgspec.Struct, frozen=True):
    """A time limit: who holds it, what it counts, what comes then. `seconds` None: there is none."""

    word: str
    seconds: int | None
    held_by: str
    counts: str
    then: str


class VerdictRow(msgspec.Struct, frozen=True):
    """What an end is to the engines; `exit_code` is that of `dagset run`, None for the failed pod's own."""

    reason: str
    airflow: str
    snakemake: str
    exit_code: int | None


class Explanation(msgspec.Struct, frozen=True):
    """All that dagset makes of a node, read off the compiled objects."""

    name: str
    kind: str
    coupling: str
    pods: int
    queue: str
    followed: bool
    roles: tuple[RoleMade, ...]
    parts: tuple[str, ...]
    coordinator: str
    success: str
    runs: Runs
    ends: tuple[EndRule, ...]
    limits: tuple[Limit, ...]
    kept: tuple[str, ...]
    verdicts: tuple[VerdictRow, ...]
    advice: tuple[str, ...] = ()
