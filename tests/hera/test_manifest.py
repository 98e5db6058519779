"""What Argo sends is what the core compiles, whatever the words, texts and parameters are."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hera.workflows import DAG, Parameter, RetryStrategy, Workflow
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dagset import constants
from dagset.compile import compile_node
from dagset.errors import InvalidNode
from dagset.model import Identity, node_from
from dagset_hera import JobSetResource
from tests.hera.argo import made, sent
from tests.samples import BASE, GANG, SAMPLES, WORDS

GOLDEN = Path(__file__).parent / "golden"
UNHELD = ("keep", "max_disruptions", "queue_timeout", "start_timeout")
OURS = ("dagset.io/", constants.MANAGED_BY, "workflows.argoproj.io/")
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
P = "{{inputs.parameters.p-1}}"

# Words that may be parameters: what is written, and what the parameter then holds.
FILLED: dict[str, tuple[dict[str, Any], str]] = {
    "pods": ({"pods": P}, "4"),
    "restarts": ({"restarts": "{{ inputs.parameters.p-1 }}"}, "3"),
    "gpu": ({"gpu": P}, "2"),
    "parallelism": ({"parallelism": P}, "3"),
    "max_failed_indexes": ({"max_failed_indexes": P}, "3"),
    "success": ({"success": {"count": P}}, "3"),
    "cpu": ({"cpu": P, "cpu_limit": "2m"}, "2m"),
    "cpu_limit": ({"cpu": 100_000, "cpu_limit": P}, "200000"),
    "memory": ({"memory": P, "memory_limit": "2Mi"}, "2Mi"),
    "memory_limit": ({"memory": "16Pi", "memory_limit": P}, "17Pi"),
    "shm": ({"shm": P}, "1Gi"),
    "ephemeral_storage": ({"ephemeral_storage": P}, "20Gi"),
    "image": ({"image": f"acme/train:{P}"}, "1.2"),
    "command": ({"command": ["sh", "-c", P]}, "echo \"a\" 'b' \\ $X\n- c: {d} # {e"),
    "args": ({"args": [f"--rate={P}", f"{{{{x}}}}{P}}}"]}, "0.1"),
    "working_dir": ({"working_dir": f"/runs/{P}"}, "a b"),
    "env": ({"env": {"A": P}}, "y"),
    "env_from": ({"env_from": [{"secret": f"{P}-keys"}, {"config_map": P, "prefix": "A_"}]}, "acme"),
    "volumes": (
        {
            "volumes": {
                "a": {"mount_path": f"/{P}", "sub_path": P, "persistent_volume_claim": f"{P}-{P}"},
                "b": {"mount_path": "/b", "source": {"nfs": {"server": P, "path": "/"}}},
            }
        },
        "acme",
    ),
    "image_pull_secrets": ({"image_pull_secrets": ["a", P]}, "b"),
    "node_selector": ({"node_selector": {"pool": P}}, "gpu"),
    "tolerations": ({"tolerations": [{"key": "pool", "value": P}]}, "y"),
    "affinity": (
        {"affinity": {"podAntiAffinity": {PREFERRED: [{"weight": 1, "podAffinityTerm": {"topologyKey": P}}]}}},
        "y",
    ),
    "priority_class_name": ({"priority_class_name": P}, "high"),
    "service_account_name": ({"service_account_name": f"a-{P}"}, "b"),
    "pod_patch": ({"pod_patch": {"spec": {"hostname": P}}}, "b"),
    "queue_name": ({"queue_name": f"team-{P}"}, "a"),
    "queue_priority": ({"queue_name": P, "queue_priority": P}, "high"),
    "labels": ({"labels": {"team": P, "run": f"{P}.1"}}, "a"),
    "annotations": ({"annotations": {"note": f"{{{{x}}}}\n{P}"}}, "two\nlines"),
    "object_patch": ({"object_patch": {"metadata": {"annotations": {"a": P}}}}, "y"),
}
NUMERIC = ("pods", "restarts", "gpu", "parallelism", "count", "max_failed_indexes")


def template_of(node: Any, **options: Any) -> dict[str, Any]:
    """The template as Hera hands it to Argo."""
    return templates_of(node, **options)[0]


def templates_of(node: Any, **options: Any) -> list[dict[str, Any]]:
    """The same, and those that it calls if the node has parts."""
    step = JobSetResource(name="step", node=node, **options)
    built = [each._build_template() for each in (step, *step.steps)]
    return [each.model_dump(exclude_none=True, by_alias=True, mode="json") for each in built]


def said(manifest: dict[str, Any]) -> Any:
    """A manifest less what Argo and the core choose each in its way: the name, the owner, labels and notes of ours."""
    name = manifest["metadata"]["name"]

    def leveled(value: Any) -> Any:
        if isinstance(value, dict):
            kept = {key: inner for key, inner in value.items() if not key.startswith((*OURS, "ownerReferences"))}
            return {key: leveled(inner) for key, inner in kept.items()}
        if isinstance(value, list):
            return [leveled(inner) for inner in value]
        return value.replace(name, "NAME") if isinstance(value, str) else value

    top = {"annotations": {}} | leveled(manifest["metadata"]) | leveled(manifest.get("spec", {}))
    return top | leveled(
        {key: value for key, value in manifest.items() if key not in ("metadata", "spec", "apiVersion")}
    )


def compiled(words: Mapping[str, Any]) -> Any:
    """What the core makes of it, less what Kueue changes: Argo may apply it again."""
    return all_compiled(words)[-1]


def all_compiled(words: Mapping[str, Any]) -> list[Any]:
    """The same, and its parts before it."""
    bundle = compile_node(node_from(words), Identity(owner="test"), followed=False)
    owner = {word: value for word, value in said(bundle.owner).items() if word != "suspend"}
    return [*map(said, bundle.parts), owner]


@pytest.mark.parametrize("word", [word for word in WORDS if word not in UNHELD])
def test_every_word_reaches_the_cluster_through_argo(word: str):
    words = SAMPLES[word] if word == "roles" else BASE | SAMPLES[word]

    assert all_compiled(words) == list(map(said, made(templates_of(words), values={})))
    assert all_compiled(words) == list(map(said, made(templates_of(node_from(words)), values={})))


@pytest.mark.parametrize("word", UNHELD)
def test_a_word_for_a_follower_is_refused_with_the_remedy_unless_nobody_set_it(word: str):
    untouched = BASE | {word: getattr(node_from(BASE), word)}
    with pytest.raises(InvalidNode, match=f"^template step: {word}: .*Argo.*; leave it out"):
        template_of(BASE | ({word: "never"} if word == "keep" else SAMPLES[word]))

    assert compiled(BASE) == said(sent(template_of(untouched), values={}))


@pytest.mark.parametrize("word", FILLED)
def test_a_parameter_is_worth_what_it_holds(word: str):
    words, value = BASE | FILLED[word][0], FILLED[word][1]
    template = template_of(words, inputs=[Parameter(name="p-1")])

    assert compiled(_filled_in(words, value)) == said(sent(template, values={"p-1": value}))


def _filled_in(given: Any, value: str, *, word: str = "") -> Any:
    """The words as somebody would write them who knew the parameter's value."""
    if isinstance(given, dict):
        return {key: _filled_in(inner, value, word=key) for key, inner in given.items()}
    if isinstance(given, list):
        return [_filled_in(inner, value) for inner in given]
    if not isinstance(given, str):
        return given
    filled = re.sub(r"\{\{ ?inputs\.parameters\.p-1 ?\}\}", lambda _: value, given)
    return int(filled) if word in NUMERIC else filled


@pytest.mark.parametrize("word", sorted(set(WORDS) - set(FILLED) - set(UNHELD)))
@pytest.mark.parametrize("form", ["{}", ["{}"], {"a": ["{}"]}], ids=repr)
def test_a_parameter_where_it_would_decide_the_shape_is_refused(word: str, form: Any):
    value = json.loads(json.dumps(form).replace("{}", P))
    if word == "roles":
        value = [{"name": value}]
    if word == "files":
        value = {"a": {"text": P}}

    problem = f"{'name' if word == 'roles' else word}: {P} cannot be filled in by Argo, for the manifest's shape"
    with pytest.raises(InvalidNode, match=f"^template step: {re.escape(problem)}"):
        template_of(BASE | {word: value}, inputs=[Parameter(name="p-1")])


def test_a_refusal_shows_the_parameter_and_not_what_stood_for_it():
    volume = {"mount_path": "/data", "host_path": P}
    with pytest.raises(InvalidNode, match=re.escape(f"volumes[v].host_path: '{P}' is not absolute; start it with /")):
        template_of(BASE | {"volumes": {"v": volume}}, inputs=[Parameter(name="p-1")])


def test_a_role_takes_parameters_each_its_own():
    roles = [
        {"image": "a", "pods": "{{inputs.parameters.n}}"},
        {"name": "leader", "image": "{{workflow.parameters.image}}", "pods": "{{workflow.parameters.m}}"},
    ]
    template = template_of(GANG | {"roles": roles}, inputs=[Parameter(name="n", default="5")])

    actual = sent(template, values={}, parameters={"image": "b", "m": "2"})

    expected = [GANG["roles"][0] | {"pods": 5}, GANG["roles"][1]]
    assert compiled(GANG | {"roles": expected}) == said(actual)


def test_hera_s_own_parameters_are_taken():
    rate = Parameter(name="rate", value="{{inputs.parameters.rate}}")

    template = template_of(BASE | {"args": ["--rate", rate]}, inputs=[Parameter(name="rate")])

    assert compiled(BASE | {"args": ["--rate", "1e3"]}) == said(sent(template, values={"rate": "1e3"}))


texts = st.lists(
    st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"))
    | st.sampled_from(
        ["{{", "}}", "{", "}", "{{=", "{{=1+1}}", "{{x}}", "{{item}}", "{{retries}}", "{x}", "$(X)", "$X"]
    )
    | st.sampled_from(['"', "'", "\\", "\n", "- ", ": ", " #", "\\x7B", "\t", "1e3", "y", "\u2028", "\ufeff"]),
    max_size=8,
).map("".join)


@settings(deadline=None)  # a slow machine is no failure
@given(command=texts, variable=texts)
@example(command="{{x}} {x} $(X) $X \"q\" 'q' \\ {{=workflow.name}} {{ item }} {{", variable="1e3")
@example(command="{", variable="}}")
@example(command="\x85", variable="a\u2029\nb")
def test_any_text_arrives_unchanged(command: str, variable: str):
    words = BASE | {"command": ["sh", "-c", command], "env": {"X": variable}}

    main = sent(template_of(words), values={})["spec"]["template"]["spec"]["containers"][0]

    assert (["sh", "-c", command], {"name": "X", "value": variable}) == (main["command"], main["env"][-1])


@settings(deadline=None)
@given(before=texts, value=st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="{")), after=texts)
def test_a_value_stands_between_any_texts(before: str, value: str, after: str):
    words = BASE | {"args": [before + "{{inputs.parameters.v}}" + after]}
    template = template_of(words, inputs=[Parameter(name="v")])

    main = sent(template, values={"v": value})["spec"]["template"]["spec"]["containers"][0]

    assert [before + value + after] == main["args"]


def test_an_attempt_of_the_user_s_has_a_name_of_its_own_an_adoption_has_not_and_the_workflow_is_the_owner():
    template = template_of(GANG, retry_strategy=RetryStrategy(limit=2))

    first, second = (sent(template, values={}, pod=pod) for pod in ("w-step-1", "w-step-2"))

    assert first["metadata"]["name"] != second["metadata"]["name"]
    assert (
        len({sent(template_of(GANG), values={}, pod=pod)["metadata"]["name"] for pod in ("w-step-1", "w-step-2")}) == 1
    )
    owner = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "controller": True, "blockOwnerDeletion": True}
    who = {"name": "nightly-x7k2p", "uid": "4c9f6a1e-9d1b-4c57-a0a6-0d7b3c6f2a10"}
    assert [owner | who] == first["metadata"]["ownerReferences"]
    assert (
        first["metadata"]["labels"] | {constants.IDENTITY: second["metadata"]["labels"][constants.IDENTITY]}
        == (second["metadata"]["labels"])
    )
    assert "ownerReferences" not in sent(template_of(GANG, set_owner_reference=False), values={})["metadata"]


def test_a_node_is_named_after_its_template_unless_it_has_a_name():
    nameless = {word: value for word, value in BASE.items() if word != "name"}

    assert sent(template_of(nameless), values={})["metadata"]["name"].startswith("step-")


def test_a_node_file_may_hold_parameters(tmp_path: Path):
    path = tmp_path / "node.yaml"
    path.write_text(yaml.safe_dump(BASE | {"pods": "{{inputs.parameters.n}}"}))

    template = template_of(path, inputs=[Parameter(name="n")])

    assert compiled(BASE | {"pods": 9}) == said(sent(template, values={"n": "9"}))


@pytest.mark.parametrize(
    ("words", "options", "message"),
    [
        (
            {"files": {"a": {"text": "x"}}},
            {"set_owner_reference": False},
            "set_owner_reference: leaves a ConfigMap behind for ever: only the Workflow's end takes it along",
        ),
        (
            {"files": {"a": {"text": "{{workflow.name}}"}}},
            {},
            "files: {{workflow.name}} cannot be filled in by Argo",
        ),
        ({"keep": "failed"}, {}, "keep: asks for somebody who reads the end"),
        (
            {"coupling": "gang", "kind": "job", "on_disruption": "fail"},
            {"retry_strategy": RetryStrategy(limit=1)},
            "retry_strategy: would have all attempts share one Service, which is for the pods of one",
        ),
        (
            {"command": ["mpirun"], "coupling": "gang", "rendezvous": "mpi"},
            {},
            "rendezvous: mpi needs a token that is made when the node is submitted, and Argo submits a text",
        ),
        (
            {"coupling": "gang", "rendezvous": "torch", "gpu": "{{workflow.parameters.n}}"},
            {},
            "gpu: {{workflow.parameters.n}} decides which variables rendezvous: torch sets",
        ),
        ({"coupling": "gang", "free_exit_codes": [75]}, {}, "free_exit_codes: would restart the gang without end"),
        ({"args": ["{{steps.a.outputs.result}}"]}, {}, "{{steps.a.outputs.result}} is not known inside a template"),
        ({"args": ["{{inputs.parameters.n}}"]}, {}, "{{inputs.parameters.n}} is not an input of this template"),
        ({"pods": "{{inputs.parameters.n}}"}, {}, "{{inputs.parameters.n}} is not an input of this template"),
        ({"pods": 1, "parallelism": "{{workflow.parameters.n}}"}, {}, "{{workflow.parameters.n}} would not reach"),
        ({}, {"success_condition": "status.succeeded > 3"}, "success_condition: is not for the user here"),
        ({}, {"failure_condition": "status.failed > 0"}, "failure_condition: is not for the user here"),
        ({}, {"manifest": "a: b"}, "manifest: is not for the user here; leave it out; the manifest is made from node="),
        ({}, {"action": "create"}, "action: 'create' cannot run a node"),
    ],
    ids=str,
)
def test_what_argo_cannot_keep_is_refused_with_the_reason(words: dict, options: dict, message: str):
    with pytest.raises(InvalidNode) as refused:
        JobSetResource(name="step", node=BASE | words, **options)

    assert str(refused.value).startswith(message) or message in str(refused.value)


def test_a_value_of_env_is_never_in_a_message():
    with pytest.raises(InvalidNode) as refused:
        JobSetResource(name="step", node=BASE | {"env": {"TOKEN": "s3cret {{inputs.parameters.n}}"}})

    assert "s3cret" not in str(refused.value)


WITH_PARTS = {
    "files": (BASE | {"files": {"a.py": {"text": '{{x}} "q"\n'}, "b": {"data": "/w=="}}}, ["ConfigMap", "Job"]),
    "a gang as a Job": (
        GANG | {"kind": "job", "on_disruption": "fail", "roles": GANG["roles"][:1]},
        ["Service", "Job"],
    ),
    "a PodGroup": (
        GANG | {"scheduler": "volcano", "files": {"a": {"text": "x"}}},
        ["PodGroup", "ConfigMap", "JobSet"],
    ),
}


@pytest.mark.parametrize("case", WITH_PARTS)
def test_parts_are_made_before_the_node_under_its_name_and_go_with_the_workflow(case: str):
    words, kinds = WITH_PARTS[case]

    objects = made(templates_of(words), values={})

    assert kinds == [each["kind"] for each in objects]
    assert all_compiled(words) == list(map(said, objects))
    assert 1 == len({each["metadata"]["name"] for each in objects})
    assert 1 == len({json.dumps(each["metadata"]["ownerReferences"]) for each in objects})
    label = "workflows.argoproj.io/workflow"
    assert {"nightly-x7k2p"} == {each["metadata"]["labels"][label] for each in objects}


def test_attempts_share_the_files_and_have_each_an_object():
    words = BASE | {"files": {"a": {"text": "x"}}}
    templates = templates_of(words, retry_strategy=RetryStrategy(limit=1))

    (files, first), (again, second) = (made(templates, values={}, pod=pod) for pod in ("w-1", "w-2"))

    assert files == again
    assert first["metadata"]["name"] != second["metadata"]["name"]
    mounted = [each["spec"]["template"]["spec"]["volumes"][-1]["configMap"]["name"] for each in (first, second)]
    assert [files["metadata"]["name"]] * 2 == mounted


def test_a_node_with_parts_takes_parameters_and_hands_on_outputs_like_any():
    words = BASE | {
        "pods": "{{inputs.parameters.n}}",
        "args": ["{{inputs.parameters.t}}"],
        "files": {"a": {"text": "x"}},
    }
    inputs = [Parameter(name="n"), Parameter(name="t")]
    mine = [Parameter(name="mine", value_from={"jqFilter": ".metadata.uid"})]
    templates = templates_of(words, inputs=inputs, outputs=mine, node_selector={"pool": "small"})

    text = 'two\n"lines"'
    _, job = made(templates, values={"n": "4", "t": text})

    assert (4, [text]) == (job["spec"]["completions"], job["spec"]["template"]["spec"]["containers"][0]["args"])
    outputs = [
        {each["name"]: each["valueFrom"] for each in template["outputs"]["parameters"]}
        for template in (templates[0], templates[-1])
    ]
    assert {
        name: {"parameter": f"{{{{steps.step-node.outputs.parameters.{name}}}}}"} for name in outputs[1]
    } == outputs[0]
    assert [None, {"pool": "small"}, {"pool": "small"}] == [each.get("nodeSelector") for each in templates]


def test_a_workflow_has_the_templates_that_a_node_with_parts_calls():
    words = BASE | {"files": {"a": {"text": "x"}}}
    with Workflow(name="w", entrypoint="main") as within:
        step = JobSetResource(name="step", node=words)
        with DAG(name="main"):
            step(name="a")
    said_so = Workflow(name="w", entrypoint="step", templates=[step, *step.steps])

    names = ["step", "step-configmap", "step-node"]
    assert [*names, "main"] == [each["name"] for each in within.to_dict()["spec"]["templates"]]
    assert names == [each["name"] for each in said_so.to_dict()["spec"]["templates"]]
    assert within.to_dict() == Workflow.from_yaml(within.to_yaml()).to_dict()


def test_a_node_file_s_files_lie_beside_it(tmp_path: Path):
    (tmp_path / "a.txt").write_text("text\n")
    (tmp_path / "node.yaml").write_text(yaml.safe_dump(BASE | {"files": {"a": {"path": "a.txt"}}}))

    files, _ = made(templates_of(tmp_path / "node.yaml"), values={})

    assert {"a": "text\n"} == files["data"]


@pytest.mark.parametrize(
    ("case", "words"),
    [
        (
            "array",
            BASE | {"args": ["{{x}}", "{x}", "$(X)", "{{inputs.parameters.a}}"], "pods": "{{inputs.parameters.n}}"},
        ),
        ("gang", GANG | {"restarts": 2, "success": {"roles": ["leader"]}}),
        ("files", BASE | {"files": {"train.py": {"text": "print('{{x}}')\n"}}, "pods": "{{inputs.parameters.n}}"}),
    ],
)
def test_the_template_is_as_reviewed(case: str, words: dict, golden: Any):
    documents = []
    for template in templates_of(words, inputs=[Parameter(name="n"), Parameter(name="a")]):
        manifest = template["resource"].pop("manifest") if "resource" in template else None
        documents.append(yaml.safe_dump(template, sort_keys=False, width=2**31))
        documents += [manifest] if manifest else []

    golden(GOLDEN / f"{case}.yaml", "---\n".join(documents))
