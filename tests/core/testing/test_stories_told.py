"""What a story may tell beyond its node: surroundings, the time of an action, what a follower sees, a refusal."""

from functools import reduce

import msgspec
import pytest

from dagset.errors import ClusterRefused
from dagset.observe import Change, Observation, Outcome, observe
from dagset.testing.actions import When, is_time
from dagset.testing.ends import Ran, expected, told
from dagset.testing.fake_cluster import FakeCluster
from dagset.testing.runner import run_story
from dagset.testing.stage import Stage, filled
from dagset.testing.stories import Story, load_story, node_words

END = {"phase": "succeeded", "reason": "succeeded", "exit_code": 0, "restarts": 0}
OUTCOME = Outcome("n", "ns", "Job", "u", "succeeded", "succeeded", "", "", 0)


def seen_with(*phases: str, suspend: bool = False, attempt: int = 0) -> Observation:
    job = {"metadata": {"name": "n", "uid": "u"}, "spec": {"parallelism": 2, "suspend": suspend}}
    changes = [Change("Job", "ADDED", job)]
    for index, phase in enumerate(phases):
        annotations = {
            "batch.kubernetes.io/job-completion-index": str(index),
            "batch.kubernetes.io/job-index-failure-count": str(attempt),
        }
        pod = {"metadata": {"name": f"p{index}", "uid": f"p{index}", "annotations": annotations}}
        changes.append(Change("Pod", "ADDED", pod | {"status": {"phase": phase}}))
    return reduce(observe, changes, Observation.empty("Job"))


@pytest.mark.parametrize(
    ("when", "seen", "expected_"),
    [
        ("submitted", seen_with(), True),
        ("all_running", seen_with("Running"), False),
        ("all_running", seen_with("Running", "Running"), True),
        ("first_failed", seen_with("Running", "Running"), False),
        ("first_failed", seen_with("Running", "Failed"), True),
        ("disrupted", seen_with("Running", "Running"), False),
        ("suspended", seen_with("Running", suspend=True), False),
        ("suspended", seen_with("Failed", suspend=True), True),
        (When(running=1), seen_with("Running"), True),
        (When(attempt=1), seen_with("Running", "Running"), False),
        (When(attempt=1), seen_with("Running", "Running", attempt=1), True),
        (When(phase="queued"), seen_with(suspend=True), True),
        (When(phase="queued", running=1), seen_with(suspend=True), False),
    ],
)
def test_an_actions_time_comes(when, seen, expected_):
    assert expected_ == is_time(when, seen, at_once=2)


def test_surroundings_are_filled_in_and_a_queue_is_two_objects():
    words = {"{name}": "n-1", "{namespace}": "ns"}

    assert [{"kind": "ConfigMap", "metadata": {"name": "n-1"}, "data": {"n-1": ["ns", 1]}}] == filled(
        {"kind": "ConfigMap", "metadata": {"name": "{name}"}, "data": {"{name}": ["{namespace}", 1]}}, words
    )
    assert [("ClusterQueue", "ns-q"), ("LocalQueue", "q")] == [
        (made["kind"], made["metadata"]["name"]) for made in filled({"queue": {"name": "q", "cpu": "200m"}}, words)
    ]


def test_a_stage_leaves_nothing_behind():
    cluster = FakeCluster()

    with Stage(cluster, namespace="own", own=True, name="n-1") as stage:
        stage.add({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "{name}"}})
        stage.change({"kind": "ConfigMap", "metadata": {"name": "{name}"}}, {"data": {"of": "{namespace}"}})
        made = [cluster.get("ConfigMap", namespace="own", name="n-1")["data"]]
        stage.add({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}})
        stage.take_away({"kind": "Secret", "metadata": {"name": "s"}})
        made += [secret["data"] for secret in cluster.list("Secret", namespace="own", labels={}).items]

    assert [{"of": "own"}] == made
    assert [] == [
        *cluster.list("Namespace", namespace="", labels={}).items,
        *cluster.list("ConfigMap", namespace="own", labels={}).items,
    ]


def test_phases_are_told_once_each_and_those_that_may_be_missed_only_where_the_story_tells_them():
    ran = Ran(outcome=OUTCOME, phases=("queued", "queued", "starting", "running", "starting", "running", "succeeded"))
    story = Story(says="", node={}, verdicts={}, outcome=END, phases=("queued", "running", "succeeded"))
    started = msgspec.structs.replace(story, phases=("queued", "starting"))
    late = msgspec.structs.replace(story, phases=("running", "succeeded"))

    assert expected(story) == told(ran, story=story)
    assert expected(late) == told(ran, story=late)
    assert ["queued", "starting", "running", "starting", "running", "succeeded"] == told(ran, story=started)["phases"]


def test_what_was_not_seen_is_missing():
    ran = Ran(outcome=OUTCOME, details=("1/2 pods running", "worker[1] waits: Unschedulable"))
    story = Story(says="", node={}, verdicts={}, outcome=END, sees=("Unschedulable", "ErrImagePull"))

    assert ["Unschedulable"] == told(ran, story=story)["sees"]


def test_a_refusal_is_its_class_its_status_and_a_text():
    error = ClusterRefused("create Job: exceeded quota: none", status=403, reason="Forbidden")
    story = Story(says="", node={}, verdicts={}, refused={"error": "ClusterRefused", "status": 403, "text": "quota"})

    assert expected(story) == told(Ran(error=error), story=story)
    assert expected(story) != told(Ran(error=ClusterRefused("no", status=403)), story=story)
    assert expected(story) != told(Ran(outcome=OUTCOME), story=story)


def test_a_story_whose_submit_is_refused_runs_nothing():
    cluster = FakeCluster()
    foreign = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "{name}"}, "spec": {}}
    refused = {"error": "NotOurs", "text": "was not made by dagset"}
    story = Story(says="", node={}, verdicts={}, setup=(foreign,), refused=refused, name="foreign")

    ran = run_story(story, cluster=cluster, namespace="ns", run="r")

    assert expected(story) == told(ran, story=story)
    assert [] == cluster.list("Job", namespace="ns", labels={}).items


def test_image_and_command_of_the_story_itself_stay():
    story = Story(says="", node={"image": "other:1", "roles": [{"name": "a", "command": ["x"]}]}, verdicts={})

    assert [("busybox:1", ["x"])] == [(role["image"], role["command"]) for role in node_words(story)["roles"]]


def test_a_story_has_an_end_or_a_refusal(tmp_path):
    path = tmp_path / "both.yaml"
    path.write_text("{says: x, node: {}, verdicts: {}, refused: {error: NotOurs}, outcome: {phase: failed}}")

    with pytest.raises(msgspec.ValidationError, match="a refused node has no outcome"):
        load_story(path)
