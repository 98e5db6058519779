"""The committed recordings of real controllers: every one is judged as its story tells."""

from collections.abc import Iterator
from functools import reduce
from pathlib import Path

import pytest

from dagset.cluster.protocol import Manifest
from dagset.observe import Change, Observation, Outcome, judge, observe, phase_of, relisted, results_of
from dagset.testing.ends import shortened
from dagset.testing.stories import Story, load_stories, load_story, trimmed
from tests.recordings.tape import changes_of

TESTS = Path(__file__).parents[2]
ONCE = TESTS / "recordings" / "k8s-1.36-jobset-0.12" / "once"
RECORDINGS = sorted((TESTS / "recordings").glob("*/*.jsonl"))


def empty_for(changes: list[Change]) -> Observation:
    return Observation(kind="JobSet" if any(change.kind == "JobSet" for change in changes) else "Job")


def story_of(recording: Path) -> Story:
    return load_story(TESTS / "stories" / f"{recording.stem}.yaml")


def in_other_orders(changes: list[Change]) -> Iterator[list[Change]]:
    """Yield the orders in which three watches out of step may tell the same: each kind far ahead of the others."""
    for first in ("JobSet", "Job", "Pod"):
        yield sorted(changes, key=lambda change: change.kind != first)


recorded = pytest.mark.parametrize("recording", RECORDINGS, ids=lambda path: f"{path.parent.name}/{path.stem}")


def test_every_story_that_runs_is_recorded():
    stories = {story.name for story in load_stories(TESTS / "stories") if story.refused is None}

    assert stories == {path.stem for path in RECORDINGS}


@recorded
def test_a_recording_ends_as_its_story_tells(recording: Path):
    story, changes = story_of(recording), changes_of(recording)

    outcome = judge(reduce(observe, changes, empty_for(changes)))

    assert outcome is not None
    assert story.outcome == trimmed(outcome, like=story.outcome)


@pytest.mark.parametrize("name", ["array-results", "array-results-beside-sidecars", "gang-results"])
def test_a_recording_has_the_results_that_its_story_tells(name: str):
    recording = ONCE.parent / f"{name}.jsonl"
    changes = changes_of(recording)

    results = results_of(reduce(observe, changes, empty_for(changes)))

    assert story_of(recording).results == shortened(results)


@recorded
def test_the_first_judgement_is_the_last(recording: Path):
    changes = changes_of(recording)
    seen, judgements = empty_for(changes), []
    for change in changes:
        seen = observe(seen, change)
        judgements.append(judge(seen))
    said = [(each.reason, each.first_failed, each.restarts) for each in judgements if each is not None]

    assert [said[-1]] * len(said) == said


@recorded
def test_watches_out_of_step_end_in_the_same_judgement(recording: Path):
    changes = changes_of(recording)
    story = story_of(recording)

    for order in in_other_orders(changes):
        outcome = judge(reduce(observe, order, empty_for(changes)))

        assert outcome is not None
        assert story.outcome == trimmed(outcome, like=story.outcome)


@recorded
def test_changes_told_twice_change_nothing(recording: Path):
    changes = changes_of(recording)
    twice = [change for change in changes for _ in range(2)]

    assert judge(reduce(observe, changes, empty_for(changes))) == judge(reduce(observe, twice, empty_for(changes)))


@recorded
def test_who_comes_after_the_end_judges_by_what_is_left(recording: Path):
    """A node that is gone tells nothing any more, and a pod that is gone not why it failed."""
    changes = changes_of(recording)
    left = {kind: what_is_left(changes, kind) for kind in ("JobSet", "Job", "Pod")}
    whole = judge(reduce(observe, changes, empty_for(changes)))
    late = judge(reduce(lambda seen, kind: relisted(seen, kind, left[kind]), left, empty_for(changes)))

    assert whole is not None
    assert late is not None
    if not left[empty_for(changes).kind]:
        assert "expired" == late.reason  # as for whoever finds no object of that name
        return
    assert whole.phase == late.phase
    if not any(change.verb == "DELETED" and change.kind == "Pod" for change in changes):
        assert (whole.reason, whole.exit_code, whole.restarts) == (late.reason, late.exit_code, late.restarts)


def what_is_left(changes: list[Change], kind: str) -> list[Manifest]:
    left: dict[str, Manifest] = {}
    for change in changes:
        if change.kind == kind:
            uid = change.object["metadata"]["uid"]
            left.pop(uid, None) if change.verb == "DELETED" else left.update({uid: change.object})
    return list(left.values())


@recorded
def test_progress_is_told_at_every_step(recording: Path):
    changes = changes_of(recording)
    seen = empty_for(changes)
    for change in changes:
        seen = observe(seen, change)

        assert phase_of(seen).detail


def judged_in_every_order(name: str) -> list[Outcome | None]:
    """Judge a recording that is no story: it was made once, by hand."""
    changes = changes_of(ONCE / f"{name}.jsonl")
    return [judge(reduce(observe, order, empty_for(changes))) for order in (changes, *in_other_orders(changes))]


def test_a_worker_that_fails_as_the_leader_ends_does_not_undo_its_success():
    """Who is first differs from run to run; in this one the JobSet says Failed."""
    for outcome in judged_in_every_order("worker-fails-as-leader-ends"):
        assert ("succeeded", 0) == (outcome.reason, outcome.exit_code)
        assert outcome.message.startswith(
            "success policy met: 1 of 3 pods succeeded, although the server says: jobset failed due to"
        )


@pytest.mark.parametrize("name", ["out-of-memory", "out-of-memory-in-a-gang"])
def test_a_memory_limit_that_was_hit_is_named(name: str):
    """In the gang the peer exits 1 when it is stopped."""
    for outcome in judged_in_every_order(name):
        assert ("oom_killed", 137, "SIGKILL") == (outcome.reason, outcome.exit_code, outcome.first_failed.signal)
        assert outcome.message == "worker[0] ran out of memory on dagset"


def test_a_command_that_does_not_exist_is_told_in_the_runtimes_words():
    for outcome in judged_in_every_order("no-such-command"):
        assert ("config_error", 117, 128) == (outcome.reason, outcome.exit_code, outcome.first_failed.exit_code)
        assert outcome.hint == "Mend `command`: there is no such program in the image (local cluster: on this machine)."
        assert outcome.message.startswith(
            "worker[0] exited 128 (StartError) on dagset: failed to create containerd task"
        )
