"""What the server refuses of an object."""

from contextlib import nullcontext

import pytest

from dagset.local.resources import resource_of
from dagset.local.status import ApiError
from dagset.local.validation import check, check_change, prepared
from tests.core.local.calling import config, job, jobset, pod


def refusal(kind, thing, *, is_strict=False):
    try:
        wanted = prepared(resource_of(kind), wanted=thing, namespace="default")
        check(resource_of(kind), thing=wanted, is_strict=is_strict)
    except ApiError as error:
        return error.code, error.message
    return None


def with_container(**container):
    return job(containers=[{"name": "main", "image": "busybox:1", **container}])


@pytest.mark.parametrize(
    ("kind", "thing"),
    [
        ("Job", job()),
        ("Job", job("1a.b")),
        ("Job", job(completions=3, parallelism=0, completionMode="Indexed", backoffLimitPerIndex=0)),
        ("JobSet", jobset(roles=("leader", "worker"))),
        ("JobSet", jobset("a" * 54, roles=("worker",))),
        ("Pod", pod("a.b-c")),
        ("ConfigMap", config(data={"train.py": "x"})),
        ("Event", {"metadata": {"name": "a.16f"}, "reason": "x"}),
        ("Job", {**job(), "metadata": {"generateName": "j-"}}),
    ],
)
def test_good_objects_pass(kind, thing):
    assert refusal(kind, thing, is_strict=True) is None


@pytest.mark.parametrize(
    ("kind", "thing", "code", "words"),
    [
        ("Job", job("A"), 422, "Job.batch \"A\" is invalid: metadata.name: Invalid value: 'A': must be at most 63"),
        ("Job", job("a" * 64), 422, "metadata.name"),
        ("Job", job("a..b"), 422, "metadata.name"),
        ("JobSet", jobset("1a"), 422, "starting with a letter"),
        ("JobSet", jobset("a" * 55), 422, "is longer than 63"),
        ("JobSet", jobset(roles=("a", "a")), 422, "spec.replicatedJobs[1].name: Duplicate value: 'a'"),
        ("JobSet", jobset(roles=("A",)), 422, "spec.replicatedJobs[0].name"),
        ("Pod", pod(""), 422, "name or generateName is required"),
        ("Pod", pod(labels={"a": "-"}), 422, "metadata.labels[a]: Invalid value: '-'"),
        ("Pod", pod(labels={"a": 1}), 422, "metadata.labels[a]"),
        ("Pod", pod(annotations={"a": 1}), 400, "metadata.annotations[a]: Invalid value: must be a string"),
        ("Job", job(completions="3"), 400, "spec.completions: Invalid value: '3': must be a whole number"),
        (
            "JobSet",
            jobset(completions="3"),
            422,
            "template.spec.completions: Invalid value: '3': must be a whole number",
        ),
        ("Job", job(parallelism=-1), 422, "spec.parallelism"),
        ("Job", job(parallelism=True), 400, "spec.parallelism"),
        ("Job", job(completionMode="Indexed", parallelism=1), 422, "spec.completions: Required value"),
        ("Job", job(backoffLimitPerIndex=1), 422, "spec.backoffLimitPerIndex: Invalid value: requires completionMode"),
        ("Job", {"metadata": {"name": "j"}, "spec": {}}, 422, "spec.template.spec: Required value"),
        ("Job", {"metadata": {"name": "j"}}, 422, "spec: Required value"),
        ("Job", job(template={"spec": {"containers": [{"name": "a", "image": "b"}]}}), 422, "restartPolicy"),
        (
            "Job",
            job(template={"spec": {"restartPolicy": "Never"}}),
            422,
            "spec.template.spec.containers: Required value",
        ),
        ("Job", with_container(image=""), 422, "containers[0].image: Required value"),
        ("Job", with_container(args=[3]), 400, "containers[0].args[0]: Invalid value: must be a string, not int"),
        ("Job", with_container(env=[{"name": "A", "value": 1}]), 400, "env[A].value: Invalid value: must be a string"),
        ("Job", with_container(env=["A"]), 400, "has the wrong shape"),
        ("Job", {**job(), "metadata": "x"}, 400, "metadata"),
        ("ConfigMap", config(data={"a/b": "x"}), 422, "data[a/b]"),
        ("ConfigMap", config(data={"a": 1}), 400, "data[a]: Invalid value: must be a string"),
        ("ConfigMap", config(data={"a": "x" * (1 << 20 | 1)}), 422, "Too long"),
    ],
)
def test_bad_objects_are_refused(kind, thing, code, words):
    found = refusal(kind, thing)

    assert found is not None
    assert code == found[0]
    assert words in found[1]


def test_secret_values_are_not_told():
    _, message = refusal("Job", with_container(env=[{"name": "TOKEN", "value": 123456}]))

    assert "123456" not in message


def test_all_causes_are_told_at_once():
    with pytest.raises(ApiError) as caught:
        check(resource_of("Job"), thing=job("A", completions=-1), is_strict=False)

    causes = caught.value.details["causes"]
    assert ["metadata.name", "spec.completions"] == [cause["field"] for cause in causes]
    assert {"field", "message", "reason"} == set(causes[0])


@pytest.mark.parametrize(
    ("kind", "thing", "field"),
    [
        ("Job", {**job(), "spce": {}}, "spce"),
        ("Job", job(paralelism=1), "spec.paralelism"),
        ("Job", with_container(comand=["a"]), "spec.template.spec.containers[0].comand"),
        ("Pod", pod(lables={}), "metadata.lables"),
        ("JobSet", {**jobset(), "spec": {**jobset()["spec"], "maxRestarts": 1}}, "spec.maxRestarts"),
    ],
)
def test_strict_validation_finds_misspelt_fields(kind, thing, field):
    assert (400, f'strict decoding error of a {kind}: unknown field "{field}"') == refusal(kind, thing, is_strict=True)
    assert refusal(kind, thing) is None


def stored(thing, **spec):
    return {**thing, "spec": {**thing.get("spec", {}), **spec}}


@pytest.mark.parametrize(
    ("kind", "current", "wanted", "is_fine"),
    [
        ("Job", stored(job()), stored(job(), parallelism=2), True),
        ("Job", stored(job()), stored(job(), completionMode="Indexed"), False),
        ("Job", stored(job()), stored(job(), template={}), False),
        ("Job", stored(job(), suspend=True), stored(job(), template={}), True),
        ("JobSet", stored(jobset()), stored(jobset(), suspend=True), True),
        ("JobSet", stored(jobset()), stored(jobset(), failurePolicy={}), False),
        ("ConfigMap", config(), config(data={"a": "b"}), True),
        ("ConfigMap", {**config(), "immutable": True}, {**config(data={"a": "b"}), "immutable": True}, False),
        ("ConfigMap", {**config(), "immutable": True}, {**config(labels={"a": "b"}), "immutable": True}, True),
    ],
)
def test_what_may_change(kind, current, wanted, is_fine):
    with nullcontext() if is_fine else pytest.raises(ApiError, match=r"is invalid: .* is immutable"):
        check_change(resource_of(kind), current=current, wanted=wanted)
