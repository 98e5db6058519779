"""The picture at the foot of a terminal, as whole text."""

from typing import Any

import pytest

from dagset.cli.clean import on_terminal
from dagset.cli.view import Sight, view
from dagset.observe import Observation, phase_of
from dagset.run.limits import Limits
from tests.core.observe.building import array, at, child, fold, jobset, pod
from tests.core.observe.test_phase import waiting

MIDNIGHT = 1767225600.0  # building.at(0)


def drawn(seen: Observation, *, width: int = 80, height: int = 40, limits: Limits | None = None, **lines: str) -> str:
    """Return what stands on the screen 75 s after the node was created."""
    now = MIDNIGHT + 75
    last_lines = {key.replace("_", "[") + "]": line for key, line in lines.items()}
    sight = Sight(seen, phase_of(seen, now=now), now, limits or Limits(), last_lines)
    return "\n".join(line.plain for line in view(sight, width=width, height=height))


def born(owner: dict[str, Any], **spec: Any) -> dict[str, Any]:
    metadata = {**owner["metadata"], "creationTimestamp": at(0)}
    return {**owner, "metadata": metadata, "spec": {**owner["spec"], **spec}}


def gang(**spec: Any) -> dict[str, Any]:
    return born(jobset(), failurePolicy={"maxRestarts": 2}, **spec)


def test_a_running_gang_shows_its_pods_with_their_last_lines() -> None:
    seen = fold("JobSet", gang(), child("leader"), child("worker"), pod("leader", 0), pod(index=0), waiting(index=1))

    assert (
        """\
train  running · 1 min 15 s of 2h · restarts 0 of 2
  2/4 pods running, worker[1] waits: ContainerCreating
  worker[1]  waiting    ContainerCreating
  leader[0]  running    epoch 3
  worker[0]  running"""
    ) == drawn(seen, limits=Limits(deadline_s=7200), leader_0="epoch 3")


def test_a_pending_node_says_in_the_schedulers_words_why_and_for_how_long() -> None:
    told = waiting(index=0, reason="")
    told["metadata"]["creationTimestamp"] = at(15)
    words = "0/3 nodes are available: 3 Insufficient nvidia.com/gpu."
    no = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": words}
    told["status"]["conditions"] = [no]

    assert (
        """\
train  starting · created 1 min 15 s ago · restarts 0 of 2 · start_timeout 15m,…
  0/4 pods running, worker[0] waits: Unschedulable (0/3 nodes are available: 3
  Insufficient nvidia.com/gpu.)
  worker[0]  waiting    Unschedulable: 0/3 nodes are available: 3 Insufficient …"""
    ) == drawn(fold("JobSet", gang(), told), limits=Limits(start_timeout_s=900))


def test_a_suspended_node_says_for_how_long() -> None:
    assert (
        """\
train  queued · for 1 min 15 s · restarts 0 of 2
  suspended until somebody resumes it"""
    ) == drawn(fold("JobSet", gang(suspend=True)))


def test_of_many_pods_the_interesting_ones_are_shown_and_the_rest_counted() -> None:
    pods = [pod(index=index, failures=0, code=None if index > 9 else 0) for index in range(30)]
    pods[3] = pod(index=3, failures=0, code=1, says="ValueError: bad\n")

    assert (
        """\
sweep  running · 1 min 15 s
  0/100 done, 20 running
  worker  100 pods: 1 failed, 20 running, 9 succeeded, 70 not made yet
  worker[3]   failed     exited 1 | ValueError: bad
  worker[10]  running    step 2
  worker[11]  running
  worker[12]  running
  … 26 pods more: 17 running, 9 succeeded"""
    ) == drawn(fold("Job", born(array(pods=100)), *pods), height=16, worker_10="step 2")


@pytest.mark.parametrize(
    ("maximum", "counted", "head"),
    [
        (2, 1, "restarts 1 of 2, 2 free"),
        (0, 0, "3 free restarts"),
    ],
)
def test_restarts_that_do_not_count_are_called_free(maximum: int, counted: int, head: str) -> None:
    owner = born(jobset(restarts=3, restartsCountTowardsMax=counted), failurePolicy={"maxRestarts": maximum})

    assert (
        f"train  running · created 1 min 15 s ago · {head}"
        == drawn(fold("JobSet", owner, pod(attempt=3))).splitlines()[0]
    )


@pytest.mark.parametrize(("width", "height"), [(1, 1), (8, 3), (20, 10), (33, 50), (200, 2)])
def test_it_never_grows_beyond_its_half_of_the_terminal(width: int, height: int) -> None:
    pods = [pod(index=index, failures=0) for index in range(40)]
    lines = drawn(fold("Job", born(array(pods=100)), *pods), width=width, height=height, worker_0="日本語" * 40)

    from rich.cells import cell_len

    assert len(lines.splitlines()) <= max(1, height // 2)
    assert all(cell_len(line) <= width for line in lines.splitlines())


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("plain text", "plain text"),
        ("tab\tand 日本語 é", "tab\tand 日本語 é"),
        ("\x1b[31mred\x1b[0m \x1b[2J\x1b[1;1Hhome", "red home"),
        ("\x1b]0;a title\x07x\x1b]8;;http://a\x1b\\y", "xy"),
        (" 10%\r 20%\r", " 20%"),
        ("bell\x07 back\x08 nul\x00 c1\x85", "bell\\x07 back\\x08 nul\\x00 c1\\x85"),
        ("turn\u202e round\u2028", "turn\\u202e round\\u2028"),
        ("cut \x1b[", "cut "),
        ("\x9b31mred", "red"),
    ],
)
def test_nothing_of_a_pod_moves_the_cursor(line: str, shown: str) -> None:
    assert shown == on_terminal(line)
