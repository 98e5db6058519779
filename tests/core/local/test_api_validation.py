"""What the server refuses of an object."""

import json
from contextlib import nullcontext
from pathlib import Path

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
        ("Pod", pod(""), 422, "name or generateName is required"),
        ("Pod", pod(labels={"a": "-"}), 422, 'metadata.labels: Invalid value: "-": a valid label must be'),
        ("Pod", pod(labels={"a": 1}), 400, "Expected `str | null`, got `int` - at `$.metadata.labels[...]`"),
        ("Pod", pod(annotations={"a": 1}), 400, "metadata.annotations[a]: Invalid value: must be a string"),
        ("Service", pod("1a"), 422, "a DNS-1035 label must consist"),
        ("Job", job(completions="3"), 400, "spec.completions: Invalid value: '3': must be a whole number"),
        ("JobSet", jobset(completions="3"), 400, "template.spec.completions: Invalid value: '3': must be a whole"),
        ("Job", job(parallelism=True), 400, "spec.parallelism"),
        ("JobSet", {"metadata": {"name": "j"}}, 422, "spec: Required value"),
        ("Job", with_container(args=[3]), 400, "containers[0].args[0]: Invalid value: must be a string, not int"),
        ("Job", with_container(env=[{"name": "A", "value": 1}]), 400, "env[A].value: Invalid value: must be a string"),
        ("Job", with_container(env=["A"]), 400, "has the wrong shape"),
        ("Job", {**job(), "metadata": "x"}, 400, "metadata"),
        ("Job", job(parallelism=2**31), 400, "spec.parallelism: Invalid value: 2147483648: must be a whole number of"),
        ("Job", {**job(), "spec": 7}, 400, "Expected `object | null`, got `int` - at `$.spec`"),
        (
            "ConfigMap",
            config(ownerReferences=[{}]),
            422,
            'metadata.ownerReferences.uid: Invalid value: "": must not be',
        ),
        ("ConfigMap", config(ownerReferences=[{"uid": 1}]), 400, "Expected `str`, got `int` - at `$.metadata.owner"),
        ("ConfigMap", config(finalizers=5), 400, "Expected `array | null`, got `int` - at `$.metadata.finalizers`"),
        ("ConfigMap", config(annotations={"a": "x" * (256 << 10)}), 422, "may not be more than 262144 bytes"),
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


REAL = [json.loads(line) for line in (Path(__file__).parent / "real_refusals.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("told", REAL, ids=lambda told: f"{told['kind']}: {told['case']}")
def test_jobs_and_jobsets_are_refused_in_the_words_of_the_real_server(told):
    """The file has what Kubernetes 1.36.3 with JobSet 0.12.0 and its webhooks answered; of a 400 the code alone."""
    code, message = refusal(told["kind"], told["thing"], is_strict=True) or (201, "")

    assert (told["code"], told["message"]) == (code, message if code == 422 else "")


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
    code, message = refusal(kind, thing, is_strict=True)
    assert (400, f'cannot be handled as a {kind}: strict decoding error: unknown field "{field}"') == (
        code,
        message.split('" ', 1)[1],
    )
    assert refusal(kind, thing) is None


def stored(thing, **spec):
    return {**thing, "spec": {**thing.get("spec", {}), **spec}}


INDEXED = job(completionMode="Indexed", completions=3, parallelism=3)


def selecting(thing):
    """Give the Job with a node selector in its pod template, as a queue writes one."""
    template = thing["spec"]["template"]
    return stored(thing, template={**template, "spec": {**template["spec"], "nodeSelector": {"a": "b"}}})


def selecting_role(thing):
    """Give the JobSet with a node selector in its pod template."""
    (role,) = thing["spec"]["replicatedJobs"]
    return stored(thing, replicatedJobs=[{**role, "template": selecting({"spec": role["template"]["spec"]})}])


@pytest.mark.parametrize(
    ("kind", "current", "wanted", "is_fine"),
    [
        ("Job", stored(job()), stored(job(), parallelism=2), True),
        ("Job", stored(job()), stored(job(), maxFailedIndexes=2), True),
        ("Job", INDEXED, stored(INDEXED, completions=5), False),
        ("Job", INDEXED, stored(INDEXED, completions=5, parallelism=5), True),
        ("Job", stored(job()), stored(job(), completionMode="Indexed"), False),
        ("Job", stored(job()), stored(job(), backoffLimitPerIndex=1), False),
        ("Job", stored(job()), stored(job(), template={}), False),
        ("Job", stored(job()), selecting(job()), False),
        ("Job", stored(job(), suspend=True), selecting(stored(job(), suspend=True)), True),
        ("Job", stored(job(), suspend=True), selecting(stored(job(), suspend=False)), True),
        ("Job", stored(job(), suspend=True), stored(job(), suspend=True, template={}), False),
        ("Job", {**stored(job(), suspend=True), "status": {"startTime": "x"}}, selecting(job()), False),
        ("JobSet", stored(jobset()), stored(jobset(), suspend=True), True),
        ("JobSet", stored(jobset()), stored(jobset(), failurePolicy={}), True),
        ("JobSet", stored(jobset(), failurePolicy={"maxRestarts": 1}), stored(jobset(), failurePolicy={}), False),
        ("JobSet", stored(jobset()), stored(jobset(), managedBy="a.b/c"), False),
        ("JobSet", stored(jobset()), stored(jobset(parallelism=2)), False),
        ("JobSet", stored(jobset(), suspend=True), stored(jobset(parallelism=2)), False),
        ("JobSet", stored(jobset()), selecting_role(jobset()), False),
        ("JobSet", stored(jobset(), suspend=True), selecting_role(jobset()), True),
        ("ConfigMap", config(), config(data={"a": "b"}), True),
        ("ConfigMap", {**config(), "immutable": True}, {**config(data={"a": "b"}), "immutable": True}, False),
        ("ConfigMap", {**config(), "immutable": True}, {**config(labels={"a": "b"}), "immutable": True}, True),
    ],
)
def test_what_may_change(kind, current, wanted, is_fine):
    with nullcontext() if is_fine else pytest.raises(ApiError, match=r"is invalid: .*( is immutable|in tandem)"):
        check_change(resource_of(kind), current=current, wanted=wanted)
