"""Three minutes of what `python -m tests.soak` does for as long as one likes; and that it would see what is wrong."""

import os
import random
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from tests.soak.evidence import Evidence, Generation, wrongs
from tests.soak.plan import KINDS, Plan, planned

PLAN = Plan("n", "gang-ok", {}, "succeeded", 0, pods=2, succeeded=2, keep="always", kills=())
TOLD = {"reason": "succeeded", "exit_code": 0, "succeeded": 2, "message": "m"}
GOOD = Evidence(TOLD, (Generation(1, "T1", "T2"),), "", {"a": 1, "b": 1}, daemon_kills=0, client_kills=0)


def changed(**values: object) -> Evidence:
    return Evidence(**{**{name: getattr(GOOD, name) for name in Evidence.__slots__}, **values})  # type: ignore[arg-type]


WRONG = {
    "untold": (changed(outcome=None), ["nobody told how it ended"]),
    "verdict": (
        changed(outcome={**TOLD, "reason": "app_error"}),
        ["ended as {'reason': 'app_error', 'exit_code': 0}, not as {'reason': 'succeeded', 'exit_code': 0}: m"],
    ),
    "count": (changed(outcome={**TOLD, "succeeded": 3}), ["counts 3 succeeded pods, not 2"]),
    "lost pod": (changed(done={"a": 1}), ["succeeded, but only ['a'] came to their end"]),
    "overlap": (changed(doubled="x\n"), ["overlap: x"]),
    "twice": (changed(done={"a": 2, "b": 1}), ["a came to its end 2 times"]),
    "two objects": (
        changed(generations=(Generation(1, "T1", "T4"), Generation(2, "T3", "T5")), client_kills=1),
        ["generation 2 was made at T3, before Generation(number=1, created='T1', finished='T4') had ended"],
    ),
    "gone": (changed(generations=()), ["with keep: always there are 0 objects after its end, not 1"]),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_lost_doubled_or_left_is_told(case: str):
    seen, expected = WRONG[case]
    assert expected == wrongs(PLAN, seen)


def test_a_node_that_went_well_has_nothing_wrong():
    assert wrongs(PLAN, GOOD) == []


def test_a_seed_gives_the_same_nodes_and_every_kind_comes():
    first, again = ([planned(f"n{n}", rng=rng) for n in range(200)] for rng in (Random("7"), Random("7")))

    assert first == again
    assert set(KINDS) == {plan.kind for plan in first}


@pytest.mark.cluster
@pytest.mark.timeout(900)
def test_nothing_is_lost_doubled_or_left_whoever_is_killed(tmp_path: Path):
    minutes = os.environ.get("DAGSET_SOAK_MINUTES", "3")
    command = [sys.executable, "-m", "tests.soak", "--minutes", minutes, "--seed", str(random.randrange(10**6))]
    # A process of its own: its threads and its DAGSET_STATE are nobody else's, and its lines name the seed.
    done = subprocess.run(
        command, env={**os.environ, "TMPDIR": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    print(done.stdout)

    assert (0, "") == (done.returncode, done.stderr), done.stdout
