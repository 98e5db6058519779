"""JobSetTask: the template, the node file that Argo fills in, and what is refused."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hera.workflows import DAG, Parameter, RetryStrategy, Workflow

from dagset.errors import InvalidNode
from dagset.model import DagNode, File, node_from
from dagset.observe import REASONS
from dagset_hera import JobSetResource, JobSetTask, cleanup
from dagset_hera.conditions import TASK_RETRY_EXPRESSION
from dagset_hera.outputs import OUTPUTS
from tests.hera.argo import filled
from tests.hera.test_manifest import FILLED, GANG
from tests.samples import BASE, SAMPLES, WORDS

IMAGE = "acme/dagset:1"
P = "{{inputs.parameters.p-1}}"


def template_of(node: Any, **options: Any) -> dict[str, Any]:
    made = JobSetTask(name="step", image=IMAGE, node=node, **options)._build_template()
    return made.model_dump(exclude_none=True, by_alias=True, mode="json")


def node_of(template: dict[str, Any], **values: str) -> DagNode:
    """The node that `dagset supervise` reads when Argo has filled in its file."""
    (artifact,) = template["inputs"]["artifacts"]
    return node_from(filled(artifact["raw"]["data"], values=values))


@pytest.mark.parametrize("word", WORDS)
def test_every_word_reaches_the_supervisor(word: str):
    words = SAMPLES[word] if word == "roles" else BASE | SAMPLES[word]

    assert node_from(words) == node_of(template_of(words))
    assert node_from(words) == node_of(template_of(node_from(words)))


@pytest.mark.parametrize("word", FILLED)
def test_a_parameter_is_worth_what_it_holds(word: str):
    words, value = BASE | FILLED[word][0], FILLED[word][1]
    template = template_of(words, inputs=[Parameter(name="p-1")])

    assert node_from(json.loads(_with(words, value))) == node_of(template, **{"p-1": value})


def _with(words: dict[str, Any], value: str) -> str:
    """The words as JSON with the value, as a number where the whole word is one."""
    text = json.dumps(words).replace("{{ inputs.parameters.p-1 }}", P)
    numbers = ("pods", "restarts", "gpu", "parallelism", "max_failed_indexes", "count")
    for word in numbers:
        text = text.replace(f'"{word}": "{P}"', f'"{word}": {value}')
    return text.replace(P, json.dumps(value)[1:-1])


@pytest.mark.parametrize("word", ["deadline", "start_timeout", "ttl", "grace_period"])
def test_words_that_only_the_supervisor_reads_may_be_parameters_too(word: str):
    template = template_of(BASE | {word: P}, inputs=[Parameter(name="p-1")])

    assert node_from(BASE | {word: "15m"}) == node_of(template, **{"p-1": "15m"})


def test_files_are_read_where_the_template_is_made(tmp_path: Path):
    (tmp_path / "a.txt").write_text("{{x}} text\n")
    (tmp_path / "node.yaml").write_text(yaml.safe_dump(BASE | {"files": {"a": {"path": "a.txt"}}}))

    template = template_of(tmp_path / "node.yaml")

    assert {"a": File(text="{{x}} text\n")} == node_of(template).files


def test_the_container_supervises_and_says_whose_node_it_is():
    template = template_of(BASE, lines="first", env={"MINE": "1"})

    variables = {each["name"]: each.get("value") for each in template["container"]["env"]}
    assert {
        "MINE": "1",
        "DAGSET_OWNER": "argo",
        "DAGSET_DAG": "{{workflow.name}}",
        "DAGSET_RUN": "{{workflow.uid}}",
        "DAGSET_TASK": "{{node.name}}",
        "DAGSET_OWNED_BY": "argoproj.io/v1alpha1 Workflow {{workflow.name}} {{workflow.uid}}",
        "DAGSET_MESSAGE": "/dev/termination-log",
        "DAGSET_OUTPUTS": "/tmp/dagset",
        "DAGSET_LINES": "first",
        "DAGSET_POD": None,
    } == variables
    assert (IMAGE, ["dagset", "supervise", "/dagset/node.yaml"]) == (
        template["container"]["image"],
        template["container"]["command"],
    )


def test_without_an_owner_reference_nobody_owns_the_node():
    names = {each["name"] for each in template_of(BASE, set_owner_reference=False)["container"]["env"]}

    assert "DAGSET_OWNED_BY" not in names


def test_both_classes_have_the_same_outputs_and_the_user_s():
    mine = [Parameter(name="mine", value_from={"path": "/x"})]
    ours, argo_s = (
        [each["name"] for each in made._build_template().model_dump(exclude_none=True)["outputs"]["parameters"]]
        for made in (
            JobSetTask(name="a", image=IMAGE, node=BASE, outputs=mine),
            JobSetResource(name="a", node=BASE, outputs=mine),
        )
    )

    assert ["mine", *OUTPUTS] == argo_s
    assert [*argo_s, "message", "outcome"] == ours


def test_report_false_leaves_no_outputs():
    assert JobSetResource(name="a", node=BASE, report=False)._build_template().outputs is None


def test_a_task_s_parameter_is_a_reference():
    with Workflow(name="w", entrypoint="main"):
        step = JobSetTask(name="a", image=IMAGE, node=BASE)
        with DAG(name="main"):
            assert "{{tasks.b.outputs.parameters.reason}}" == step(name="b").get_parameter("reason").value


@pytest.mark.parametrize("kind", [JobSetTask, JobSetResource])
def test_a_lost_pod_is_replaced_without_a_strategy_and_a_strategy_of_the_user_s_is_the_user_s(kind: Any):
    options = {"image": IMAGE} if kind is JobSetTask else {}
    of = lambda asked: kind(name="a", node=BASE, retry_strategy=asked, **options)._build_template().retry_strategy  # noqa: E731

    assert 10 == of(None).limit.root
    assert (2, True) == (of(RetryStrategy(limit=2)).limit.root, of(RetryStrategy(limit=2)).expression is not None)
    assert "true" == of(RetryStrategy(limit=2, expression="true")).expression


def test_what_airflow_fails_for_good_argo_does_not_try_again():
    final = {reason for reason in REASONS if f"{reason}|" in TASK_RETRY_EXPRESSION}

    assert {reason for reason, row in REASONS.items() if row.airflow == "fail"} == final


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"command": ["x"]}, "command: is not for the user here; leave it out"),
        ({"args": ["x"]}, "args: is not for the user here; leave it out"),
        ({"node": BASE | {"pods": 0}}, "template step: pods: 0 does not fit"),
        ({"node": BASE | {"coupling": P}, "inputs": [Parameter(name="p-1")]}, f"coupling: {P} cannot be filled in"),
        ({"node": BASE | {"args": [P]}}, f"{P} is not an input of this template"),
        ({"node": BASE | {"env": {"A": "{{steps.a.outputs.result}}"}}}, "is not known inside a template"),
    ],
    ids=str,
)
def test_what_cannot_be_kept_is_refused_with_the_reason(options: dict[str, Any], message: str):
    with pytest.raises(InvalidNode) as refused:
        JobSetTask(name="step", image=IMAGE, **({"node": BASE} | options))

    assert message in str(refused.value)


def test_a_deadline_of_the_executor_s_pod_is_the_node_s_where_it_has_none():
    made = [
        JobSetResource(name="a", node=node, active_deadline_seconds=90)._build_template().resource.manifest
        for node in (GANG, node_from(GANG), GANG | {"deadline": "5m"})
    ]

    found = [yaml.safe_load(each.replace("{{", "").replace("}}", ""))["spec"]["replicatedJobs"][0] for each in made]
    assert [90, 90, 300] == [each["template"]["spec"]["activeDeadlineSeconds"] for each in found]


def test_cleanup_deletes_what_this_workflow_s_resources_made_and_nothing_else():
    made = cleanup(kind="job")._build_template().resource

    selector = "workflows.argoproj.io/workflow={{workflow.name}},app.kubernetes.io/managed-by=dagset"
    flags = ["job", "--selector", f"{selector},!jobset.sigs.k8s.io/jobset-name", "--wait=false"]
    assert ("delete", flags) == (made.action, made.flags)
    assert (
        "jobset,configmap,podgroup.scheduling.volcano.sh"
        == (cleanup(kind="jobset,configmap,podgroup.scheduling.volcano.sh")._build_template().resource.flags[0])
    )
    with pytest.raises(ValueError, match=r"kind 'pod'; write jobset, job, configmap, service or podgroup\.GROUP"):
        cleanup(kind="jobset,pod")


ROUND_TRIP = """
from hera.workflows import Workflow
import runpy, sys
made = runpy.run_path(sys.argv[1])["workflow"]
assert Workflow.from_yaml(made.to_yaml()).to_dict() == made.to_dict()
"""
EXAMPLES = sorted((Path(__file__).parents[2] / "examples" / "hera").glob("*_workflow.py"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_survives_hera_s_round_trip(example: Path):
    done = subprocess.run(
        [sys.executable, "-c", ROUND_TRIP, str(example)], capture_output=True, text=True, timeout=60, check=False
    )

    assert (0, "") == (done.returncode, done.stderr)


ORDER = """
import hashlib, {first}, {second}
from dagset.compile import compile_node
from dagset.compile.render import render_yaml
from dagset.model import Identity, node_from
words = {{"name": "a", "image": "b", "command": ["sh", "-c", "one\\ntwo"], "env": {{"X": "y"}}}}
print(render_yaml(compile_node(node_from(words), Identity(owner="o"))))
"""


def test_hera_changes_no_byte_of_the_core_s_yaml_in_either_order():
    orders = [("dagset.compile.render", "hera.workflows"), ("hera.workflows", "dagset.compile.render"), ("json", "re")]
    printed = [
        subprocess.run(
            [sys.executable, "-c", ORDER.format(first=first, second=second)], capture_output=True, text=True, check=True
        ).stdout
        for first, second in orders
    ]

    assert 1 == len({hashlib.sha256(text.encode()).hexdigest() for text in printed})


def test_render_prints_a_workflow_with_the_node_as_its_step(tmp_path: Path):
    path = tmp_path / "node.yaml"
    path.write_text("name: train\nimage: busybox:1\n")
    command = [sys.executable, "-m", "dagset", "render", str(path), "-n", "ml"]

    done, unknown = (
        subprocess.run([*command, "--engine", engine], capture_output=True, text=True, check=False)
        for engine in ("argo", "nobody")
    )

    printed = yaml.safe_load(done.stdout)
    step, main = printed["spec"]["templates"]
    assert {"generateName": "train-", "namespace": "ml"} == printed["metadata"]
    assert ("apply", "train") == (step["resource"]["action"], main["dag"]["tasks"][0]["template"])
    assert (2, True) == (unknown.returncode, "--engine nobody: installed: argo" in unknown.stderr)
