"""What Argo sends is what the core compiles, whatever the words, texts and parameters are."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from hera.workflows import Parameter, RetryStrategy
from hypothesis import example, given
from hypothesis import strategies as st

from dagset import constants
from dagset.compile import compile_node
from dagset.errors import InvalidNode
from dagset.model import DagNode, File, Identity, node_from
from dagset_hera import JobSetResource
from tests.hera.argo import sent

GOLDEN = Path(__file__).parent / "golden"
BASE = {"name": "train", "image": "busybox:1", "coupling": "array", "pods": 4}
GANG = {"name": "train", "coupling": "gang", "roles": [{"image": "a"}, {"name": "leader", "image": "b", "pods": 2}]}
WORDS = [field.name for field in msgspec.structs.fields(DagNode)]

# Every word with a value that says something; a word that is missing here fails the test of that word.
SAMPLES: dict[str, dict[str, Any]] = {
    "name": {"name": "other"},
    "roles": GANG,
    "pods": {"pods": 7},
    "image": {"image": "python:3.11-slim"},
    "command": {"command": ["sh", "-c", "echo $(DAGSET_INDEX) '{x}' $HOME"]},
    "args": {"args": ["--epochs", "10", "1e3", "y", ""]},
    "env": {"env": {"LR": "0.1", "ON": "yes", "Y": "y", "TEXT": "two\nlines: {{ braces }}\n"}},
    "cpu": {"cpu": 0.5},
    "memory": {"memory": "16Gi"},
    "gpu": {"gpu": 2},
    "gpu_kind": {"gpu": 1, "gpu_kind": "amd.com/gpu"},
    "grace_period": {"grace_period": "1m"},
    "coupling": {"coupling": "gang"},
    "success": {"success": {"indexes": "0,2-3", "count": 2}},
    "parallelism": {"parallelism": 2},
    "restarts": {"restarts": 3},
    "fail_exit_codes": {"fail_exit_codes": [2, 134]},
    "deadline": {"deadline": "2h"},
    "ttl": {"ttl": "2d"},
    "keep": {"keep": "always"},
    "files": {"files": {}},
}

# Words that may be parameters: what is written, and what the parameter then holds.
FILLED: dict[str, tuple[dict[str, Any], str]] = {
    "pods": ({"pods": "{{inputs.parameters.p-1}}"}, "4"),
    "restarts": ({"restarts": "{{ inputs.parameters.p-1 }}"}, "3"),
    "gpu": ({"gpu": "{{inputs.parameters.p-1}}"}, "2"),
    "parallelism": ({"parallelism": "{{inputs.parameters.p-1}}"}, "3"),
    "success": ({"success": {"count": "{{inputs.parameters.p-1}}"}}, "3"),
    "cpu": ({"cpu": "{{inputs.parameters.p-1}}"}, "500m"),
    "memory": ({"memory": "{{inputs.parameters.p-1}}"}, "16Gi"),
    "image": ({"image": "acme/train:{{inputs.parameters.p-1}}"}, "1.2"),
    "command": ({"command": ["sh", "-c", "{{inputs.parameters.p-1}}"]}, "echo \"a\" 'b' \\ $X\n- c: {d} # {e"),
    "args": ({"args": ["--rate={{inputs.parameters.p-1}}", "{{x}}{{inputs.parameters.p-1}}}"]}, "0.1"),
    "env": ({"env": {"A": "{{inputs.parameters.p-1}}"}}, "y"),
}


def template_of(node: Any, **options: Any) -> dict[str, Any]:
    """The template as Hera hands it to Argo."""
    return (
        JobSetResource(name="step", node=node, **options)
        ._build_template()
        .model_dump(exclude_none=True, by_alias=True, mode="json")
    )


def spec_of(manifest: dict[str, Any]) -> Any:
    """A manifest's spec less labels and the object's name, which Argo and the core choose each in its way."""

    def leveled(value: Any) -> Any:
        if isinstance(value, dict):
            kept = {key: inner for key, inner in value.items() if key != "labels"}
            return {key: leveled(inner) for key, inner in kept.items()}
        if isinstance(value, list):
            return [leveled(inner) for inner in value]
        return value.replace(manifest["metadata"]["name"], "NAME") if isinstance(value, str) else value

    return leveled(manifest["spec"])


def compiled(words: Mapping[str, Any]) -> Any:
    return spec_of(compile_node(node_from(words), Identity(owner="test")).owner)


@pytest.mark.parametrize("word", WORDS)
def test_every_word_reaches_the_cluster_through_argo(word: str):
    words = SAMPLES[word] if word == "roles" else BASE | SAMPLES[word]

    assert compiled(words) == spec_of(sent(template_of(words), values={}))
    assert compiled(words) == spec_of(sent(template_of(node_from(words)), values={}))


@pytest.mark.parametrize("word", FILLED)
def test_a_parameter_is_worth_what_it_holds(word: str):
    words, value = BASE | FILLED[word][0], FILLED[word][1]
    template = template_of(words, inputs=[Parameter(name="p-1")])

    assert compiled(_filled_in(words, value)) == spec_of(sent(template, values={"p-1": value}))


def _filled_in(given: Any, value: str, *, word: str = "") -> Any:
    """The words as somebody would write them who knew the parameter's value."""
    if isinstance(given, dict):
        return {key: _filled_in(inner, value, word=key) for key, inner in given.items()}
    if isinstance(given, list):
        return [_filled_in(inner, value) for inner in given]
    if not isinstance(given, str):
        return given
    filled = re.sub(r"\{\{ ?inputs\.parameters\.p-1 ?\}\}", lambda _: value, given)
    return int(filled) if word in ("pods", "restarts", "gpu", "parallelism", "count") else filled


@pytest.mark.parametrize("word", sorted(set(WORDS) - set(FILLED) - {"roles", "files"}))
def test_a_parameter_where_it_would_decide_the_shape_is_refused(word: str):
    with pytest.raises(InvalidNode, match=f"{word}.*{{{{inputs.parameters.n}}}}|keep: asks for somebody"):
        template_of(BASE | {word: "{{inputs.parameters.n}}"}, inputs=[Parameter(name="n")])


def test_a_role_takes_parameters_each_its_own():
    roles = [
        {"image": "a", "pods": "{{inputs.parameters.n}}"},
        {"name": "leader", "image": "{{workflow.parameters.image}}", "pods": "{{workflow.parameters.m}}"},
    ]
    template = template_of(GANG | {"roles": roles}, inputs=[Parameter(name="n", default="5")])

    actual = sent(template, values={}, parameters={"image": "b", "m": "2"})

    expected = [GANG["roles"][0] | {"pods": 5}, GANG["roles"][1]]
    assert compiled(GANG | {"roles": expected}) == spec_of(actual)


def test_hera_s_own_parameters_are_taken():
    rate = Parameter(name="rate", value="{{inputs.parameters.rate}}")

    template = template_of(BASE | {"args": ["--rate", rate]}, inputs=[Parameter(name="rate")])

    assert compiled(BASE | {"args": ["--rate", "1e3"]}) == spec_of(sent(template, values={"rate": "1e3"}))


texts = st.lists(
    st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"))
    | st.sampled_from(
        ["{{", "}}", "{", "}", "{{=", "{{=1+1}}", "{{x}}", "{{item}}", "{{retries}}", "{x}", "$(X)", "$X"]
    )
    | st.sampled_from(['"', "'", "\\", "\n", "- ", ": ", " #", "\\x7B", "\t", "1e3", "y", "\u2028", "\ufeff"]),
    max_size=8,
).map("".join)


@given(command=texts, variable=texts)
@example(command="{{x}} {x} $(X) $X \"q\" 'q' \\ {{=workflow.name}} {{ item }} {{", variable="1e3")
@example(command="{", variable="}}")
def test_any_text_arrives_unchanged(command: str, variable: str):
    words = BASE | {"command": ["sh", "-c", command], "env": {"X": variable}}

    main = sent(template_of(words), values={})["spec"]["template"]["spec"]["containers"][0]

    assert (["sh", "-c", command], {"name": "X", "value": variable}) == (main["command"], main["env"][-1])


@given(before=texts, value=st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="{")), after=texts)
def test_a_value_stands_between_any_texts(before: str, value: str, after: str):
    words = BASE | {"args": [before + "{{inputs.parameters.v}}" + after]}
    template = template_of(words, inputs=[Parameter(name="v")])

    main = sent(template, values={"v": value})["spec"]["template"]["spec"]["containers"][0]

    assert [before + value + after] == main["args"]


def test_an_attempt_has_a_name_of_its_own_and_the_workflow_as_owner():
    template = template_of(GANG, retry_strategy=RetryStrategy(limit=2))

    first, second = (sent(template, values={}, pod=pod) for pod in ("w-step-1", "w-step-2"))

    assert first["metadata"]["name"] != second["metadata"]["name"]
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

    assert compiled(BASE | {"pods": 9}) == spec_of(sent(template, values={"n": "9"}))


@pytest.mark.parametrize(
    ("words", "options", "message"),
    [
        (
            {"files": {"a": {"text": "x"}}},
            {},
            "files: need a ConfigMap of their own, and an Argo resource template makes one",
        ),
        ({"keep": "failed"}, {}, "keep: asks for somebody who reads the end"),
        ({"args": ["{{steps.a.outputs.result}}"]}, {}, "{{steps.a.outputs.result}} is not known inside a template"),
        ({"args": ["{{inputs.parameters.n}}"]}, {}, "{{inputs.parameters.n}} is not an input of this template"),
        ({"pods": "{{inputs.parameters.n}}"}, {}, "{{inputs.parameters.n}} is not an input of this template"),
        ({"pods": 1, "parallelism": "{{workflow.parameters.n}}"}, {}, "{{workflow.parameters.n}} would not reach"),
        ({}, {"success_condition": "status.succeeded > 3"}, "success_condition: is not for the user here"),
        ({}, {"failure_condition": "status.failed > 0"}, "failure_condition: is not for the user here"),
        ({}, {"manifest": "a: b"}, "manifest: is not for the user here; leave it out; the manifest is made from node="),
        ({}, {"action": "apply"}, "action: 'apply' cannot run a node"),
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


def test_files_given_as_objects_are_refused_too():
    with pytest.raises(InvalidNode, match="files"):
        JobSetResource(name="step", node=DagNode(name="a", image="b", files={"x": File(text="y")}))


@pytest.mark.parametrize(
    ("case", "words"),
    [
        (
            "array",
            BASE | {"args": ["{{x}}", "{x}", "$(X)", "{{inputs.parameters.a}}"], "pods": "{{inputs.parameters.n}}"},
        ),
        ("gang", GANG | {"restarts": 2, "success": {"roles": ["leader"]}}),
    ],
)
def test_the_template_is_as_reviewed(case: str, words: dict, golden: Any):
    template = template_of(words, inputs=[Parameter(name="n"), Parameter(name="a")])
    manifest = template["resource"].pop("manifest")

    golden(GOLDEN / f"{case}.yaml", f"{yaml.safe_dump(template, sort_keys=False, width=2**31)}---\n{manifest}")
