"""What Snakemake is told when the executor lives through the recorded stories: by the table, with reason and log."""

import json
from pathlib import Path
from typing import Any

import pytest

from dagset import errors
from dagset.observe import REASONS
from dagset.testing.stories import Story, load_stories, node_words
from tests.recordings.tape import changes_of
from tests.snakemake.playing import RETRIES, Job, Played, told

TESTS = Path(__file__).parents[1]
RECORDINGS = TESTS / "recordings" / "k8s-1.36-jobset-0.12"
STORIES = load_stories(TESTS / "stories")
OF_ARRAYS = ("pods", "parallelism", "min_parallelism", "max_failed_indexes")  # words that the executor has its own for

# How the jobs ended that an array's indexes are, where they did not all end as the story does.
WELL = "succeeded"
BY_INDEX = {
    "array-abort-code": ["failed_fast"] * 4,
    "array-abort-signal": ["failed_fast", WELL],
    "array-all-indexes-fail": ["app_error"] * 3,
    "array-deadline-after-a-failed-index": ["app_error", "deadline_exceeded"],
    "array-evicted-counts-restarts-spent": [WELL, "disrupted"],
    "array-evicted-fails": [WELL, "disrupted"],
    "array-fail-code": ["failed_fast", WELL, WELL],
    "array-index-fails-for-good": [WELL, WELL, "app_error", WELL],
    "array-many-indexes-fail": ["app_error", WELL, *["app_error"] * 4],
    "array-max-failed-indexes-not-reached": [WELL, "app_error", WELL],
    "array-max-failed-indexes-reached": ["app_error", "failed_indexes"] * 2,
    "array-oom": [WELL, "oom_killed"],
    "array-pod-deleted": [WELL, "disrupted"],
    "array-progress": [WELL, "app_error", WELL],
    "array-segfault": [WELL, "failed_fast", WELL],
    "array-suspended-then-fails": [WELL, "app_error"],
}


def is_array(story: Story) -> bool:
    return story.node.get("coupling") == "array" and story.node.get("pods", 1) > 1


def is_rule(story: Story) -> bool:
    """Whether a Snakemake job may be such a node: one of its pods runs the command, and that one's end counts."""
    roles = story.node.get("roles", [story.node])
    return roles[0].get("pods", 1) == 1 or (len(roles) == 1 and story.node.get("success", "all") == "all")


def as_rule(story: Story) -> dict[str, Any]:
    """Return the words of the story's node as a rule may say them: mpirun starts the pods of a gang of equals."""
    words = node_words(story)
    if is_array(story):
        return {word: value for word, value in words.items() if word not in OF_ARRAYS}
    first = words.get("roles", [words])[0]
    return {**words, "rendezvous": "mpi"} if first.get("pods", 1) > 1 else words


def ends(story: Story, *recordings: Any, jobs: int, folder: Path) -> tuple[Played, list[Job]]:
    (folder / "node.yaml").write_text(json.dumps(as_rule(story)))
    cluster = Played(*recordings)
    made = [Job(place, resources={"jobset_node": str(folder / "node.yaml")}) for place in range(jobs)]
    told(cluster, made, folder)
    return cluster, made


def changes(name: str) -> Any:
    return changes_of(RECORDINGS / f"{name}.jsonl")


def said(job: Job, *, kind: str, reason: str) -> tuple[str, int, bool, list[bool]]:
    """Return the end that Snakemake was told, the attempt, whether the reason is named, and which logs are there."""
    named = job.message.startswith(f"{kind} default/") and f" {reason}: " in job.message.partition("\n")[0]
    return job.end, job.attempt, named, [Path(log).is_file() for log in job.logs]


def by_the_table(reason: str) -> tuple[str, int, bool, list[bool]]:
    verdict = REASONS[reason].snakemake
    if verdict in ("success", "again"):  # run again for free, and well
        return "success", 1, False, []
    return verdict, RETRIES + 1 if verdict == "fail" else 1, True, [True]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


TOLD = [story for story in STORIES if story.refused is None]
LONE = [story for story in TOLD if is_rule(story) and not is_array(story)]
ARRAYS = [story for story in TOLD if is_rule(story) and is_array(story)]
SUBMITS = [story for story in STORIES if story.refused is not None]


@pytest.mark.parametrize("story", LONE, ids=lambda story: story.name)
def test_a_job_by_itself_ends_as_its_story_tells(story: Story, folder: Path):
    recording = changes(story.name)
    kind = "JobSet" if any(change.kind == "JobSet" for change in recording) else "Job"
    again = changes("gang-succeeds" if kind == "JobSet" else "one-pod-succeeds")

    cluster, (job,) = ends(story, recording, again, jobs=1, folder=folder)

    reason = story.outcome["reason"]
    assert by_the_table(reason) == said(job, kind=kind, reason=reason), job
    assert [kind] * (2 if reason == "disrupted" else 1) == cluster.made


@pytest.mark.parametrize("story", ARRAYS, ids=lambda story: story.name)
def test_each_job_of_an_array_ends_as_its_index_did(story: Story, folder: Path):
    pods, reason = story.node["pods"], story.outcome["reason"]
    reasons = BY_INDEX.get(story.name, [reason] * pods)

    cluster, jobs = ends(story, changes(story.name), changes("one-pod-succeeds"), jobs=pods, folder=folder)

    told_by_index = [said(job, kind="Job", reason=of) for job, of in zip(jobs, reasons, strict=True)]
    assert [by_the_table(of) for of in reasons] == told_by_index, jobs
    assert ["Job"] * (1 + reasons.count("disrupted")) == cluster.made


@pytest.mark.parametrize("story", SUBMITS, ids=lambda story: story.name)
def test_what_is_refused_is_not_tried_again(story: Story, folder: Path):
    error = getattr(errors, (story.refused or {})["error"])

    cluster, (job,) = ends(story, error("exceeded quota: no-jobs"), jobs=1, folder=folder)

    assert ("fail", RETRIES + 1, []) == (job.end, job.attempt, cluster.made)
    assert job.message.startswith("exceeded quota: no-jobs\n") or "name: 'a123456789-" in job.message


def test_a_node_that_went_by_its_ttl_unread_may_have_ended_well(folder: Path):
    story = next(story for story in STORIES if story.name == "one-pod-succeeds")

    cluster, (job,) = ends(story, None, jobs=1, folder=folder)

    assert by_the_table("expired") == said(job, kind="Job", reason="expired")
    assert ["Job"] == cluster.made


def test_every_reason_of_the_table_is_told():
    reasons = {story.outcome["reason"] for story in LONE} | {of for each in BY_INDEX.values() for of in each}

    assert set(REASONS) == reasons | {"expired"}
