"""An explanation says what the controllers do and the judge says: whole texts, and every story as a witness."""

import json
from pathlib import Path
from typing import Any

import pytest

from dagset.compile import compile_node
from dagset.errors import InvalidNode
from dagset.explain import EndRule, Explanation, Limit, as_text, explain
from dagset.explain.text import WIDTH
from dagset.model import DagNode, Identity, load, node_from
from dagset.testing.stories import Story, load_stories, node_words
from tests.core.cli.conftest import dagset
from tests.samples import BASE, SAMPLES

GOLDEN = Path(__file__).parents[2] / "golden"
STORIES = [story for story in load_stories(Path(__file__).parents[2] / "stories") if not story.refused]
IDENTITY = Identity(owner="ann@desk:/home/ann/node.yaml")


def explained(node: DagNode, *, followed: bool = True, retries: int = 0) -> Explanation:
    return explain(node, compile_node(node, IDENTITY, followed=followed), retries=retries)


def ends(**words: Any) -> dict[str, EndRule]:
    return {rule.when: rule for rule in explained(DagNode(**{**BASE, **words})).ends}


@pytest.mark.parametrize(
    "case",
    ["one-pod", "array-every-word", "array-policies", "gang-every-word", "gang-leader-and-workers", "gang-queued"],
)
def test_text_is_as_committed(case: str, golden) -> None:
    text = as_text(explained(load(GOLDEN / case / "node.yaml")))

    golden(GOLDEN / case / "explain.txt", f"{text}\n")
    assert [] == [line for line in text.splitlines() if len(line) > WIDTH]


def test_every_end_of_every_story_is_foretold() -> None:
    found = {story.name: unforetold(story) for story in STORIES}

    # Whoever writes Kueue's own label by hand brings a limit of his own.
    assert {"queue-max-exec-time": "deadline_exceeded"} == {name: told for name, told in found.items() if told}


def unforetold(story: Story) -> str:
    """Return what the story tells and the explanation does not."""
    told = explained(node_from(node_words(story)))
    most = (told.runs.restarts + (told.runs.free or 0)) * (1 if told.kind == "JobSet" else told.pods)
    if story.outcome["reason"] not in {row.reason for row in told.verdicts}:
        return str(story.outcome["reason"])
    return "" if story.outcome["restarts"] <= most else f"{story.outcome['restarts']} restarts"


@pytest.mark.parametrize("word", SAMPLES)
def test_every_word_can_be_explained(word: str) -> None:
    words = SAMPLES[word] if "roles" in SAMPLES[word] else {**BASE, **SAMPLES[word]}

    assert as_text(explained(DagNode(**words)))


def test_a_patch_of_the_rules_is_explained_as_it_is() -> None:
    rule = {"name": "mine", "action": "FailJobSet", "onJobFailureReasons": ["BackoffLimitExceeded"]}
    found = ends(coupling="gang", restarts=3, object_patch={"spec": {"failurePolicy": {"rules": [rule]}}})

    other = "exits with any other code but 0"
    assert EndRule(other, "node fails", reason="app_error") == found[other]


def test_patch_that_leaves_no_rules_to_read_is_refused() -> None:
    with pytest.raises(InvalidNode, match="object_patch: what the patches make of the JobSet cannot be read"):
        ends(coupling="gang", object_patch={"spec": {"failurePolicy": {"rules": [{"name": "x"}]}}})


def test_roles_that_differ_are_told_apart() -> None:
    fail = {"action": "FailJob", "onExitCodes": {"containerName": "main", "operator": "In", "values": [7]}}
    job = {"spec": {"podFailurePolicy": {"rules": [fail]}}}
    patch = {"spec": {"replicatedJobs": [{"name": "b", "template": job}]}}
    roles = [{"name": "a", "image": "i"}, {"name": "b", "image": "i"}]
    told = explained(DagNode(name="n", roles=roles, restarts=1, object_patch=patch))

    assert {("a",), ("b",)} == {rule.roles for rule in told.ends}
    assert "is drained, evicted, or loses its host (a)" in as_text(told)


def test_abort_code_fails_the_node_at_once_and_a_fail_code_its_index() -> None:
    found = ends(restarts=1, abort_exit_codes=[3], fail_exit_codes=[4])

    assert EndRule("exits 3", "node fails", codes=(3,), reason="failed_fast") == found["exits 3"]
    assert EndRule("exits 4", "index fails", codes=(4,), reason="failed_indexes", at_once=False) == found["exits 4"]


def test_every_exit_code_may_be_named() -> None:
    every = list(range(1, 256))

    assert (
        "node fails" == ends(coupling="gang", fail_exit_codes=every, object_patch={})["exits with any code but 0"].then
    )


def test_nobody_follows_so_nothing_of_a_follower_is_promised() -> None:
    told = explained(DagNode(**BASE, deadline="2h"), followed=False)
    own = [limit for limit in told.limits if limit.held_by == "a follower" and limit.seconds is not None]

    assert ([], None, None) == (own, told.runs.free, told.runs.at_most)
    assert "for free and without end: nobody counts" in as_text(told)


@pytest.mark.parametrize(("retries", "total"), [(0, 3 + 21), (2, 3 * (3 + 21))])
def test_restarts_and_retries_multiply(retries: int, total: int) -> None:
    assert total == explained(DagNode(**BASE, restarts=2), retries=retries).runs.with_retries


def test_patched_deadline_and_grace_of_one_role_are_its_own() -> None:
    roles = [{"name": "a", "image": "i", "grace_period": "5s"}, {"name": "b", "image": "i"}]
    patch = {"spec": {"replicatedJobs": [{"name": "b", "template": {"spec": {"activeDeadlineSeconds": 60}}}]}}
    limits = explained(DagNode(name="n", roles=roles, deadline="2h", object_patch=patch)).limits
    attempt = "each attempt anew, from the start of the Job of role {}; not while queued or suspended"
    fails, job = "the node fails: deadline_exceeded", "the Job controller"

    assert [
        Limit("deadline", 60, job, attempt.format("b"), fails),
        Limit("deadline", 7200, job, attempt.format("a"), fails),
    ] == [limit for limit in limits if limit.held_by == job]
    stopped = "from SIGTERM to a pod of {} that is stopped"
    assert [
        Limit("grace_period", 5, "the kubelet", stopped.format("a"), "SIGKILL"),
        Limit("grace_period", 30, "the kubelet", stopped.format("b"), "SIGKILL"),
    ] == [limit for limit in limits if limit.word == "grace_period"]


def test_command_says_the_same_as_text_and_as_json(tmp_path: Path) -> None:
    (tmp_path / "node.yaml").write_text("{name: a, image: b, restarts: 1}")
    text, as_json = (dagset("explain", tmp_path / "node.yaml", "--retries", 1, "-o", form) for form in ("text", "json"))

    assert (0, 0, "", "") == (text.exit_code, as_json.exit_code, text.stderr, as_json.stderr)
    told = json.loads(as_json.stdout)
    assert f"Job {told['name']}: one pod" == text.stdout.splitlines()[0]
    assert {"restarts": 1, "free": 21, "at_most": 23, "retries": 1, "with_retries": 46} == {
        key: value for key, value in told["runs"].items() if key != "again_by"
    }


def test_batch_script_is_explained_as_the_node_that_it_becomes(tmp_path: Path) -> None:
    (tmp_path / "a.sbatch").write_text(
        "#!/bin/sh\n#SBATCH --array=0-3\n#SBATCH --time=10\n#SBATCH --container-image=busybox:1\ntrue\n"
    )
    told = json.loads(dagset("explain", tmp_path / "a.sbatch", "-o", "json").stdout)

    assert ("array", 4, {600}) == (told["coupling"], told["pods"], deadlines(told))


def deadlines(told: dict[str, Any]) -> set[int]:
    return {limit["seconds"] for limit in told["limits"] if limit["word"] == "deadline"}


def test_invalid_node_is_told_as_everywhere(tmp_path: Path) -> None:
    (tmp_path / "node.yaml").write_text("{name: a, image: b, podz: 1}")
    result = dagset("explain", tmp_path / "node.yaml")

    assert (2, "") == (result.exit_code, result.stdout)
