"""Golden files: the whole of what is sent, case by case, and the promises about its size and names."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagset.compile import compile_node
from dagset.compile.render import render_json, render_yaml
from dagset.model import DagNode, Identity, Role, load

GOLDEN = Path(__file__).parents[2] / "golden"
CASES = sorted(path.name for path in GOLDEN.iterdir())
IDENTITY = Identity(owner="ann@desk:/home/ann/node.yaml", dag="etl", run="r1", task="t", map_index=2, generation=3)


@pytest.mark.parametrize("case", CASES)
def test_bundle_is_as_committed(case: str, golden):
    golden(GOLDEN / case / "bundle.yaml", render_yaml(compile_node(load(GOLDEN / case / "node.yaml"), IDENTITY)))


def test_same_bytes_under_any_hash_seed():
    node = GOLDEN / "array-every-word" / "node.yaml"
    program = (
        "import sys; from dagset.model import *; from dagset.compile import *; from dagset.compile.render import *;"
        "print(render_yaml(compile_node(load(sys.argv[1]), Identity(owner='o'))))"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", program, node],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "2")
    ]

    assert [runs[0]] * 3 == runs


@pytest.mark.parametrize("coupling", ["gang", "array"])
def test_4_and_100_000_pods_differ_in_digits_only(coupling: str):
    few, many = (
        render_yaml(
            compile_node(DagNode(name="n", image="a", coupling=coupling, pods=pods, parallelism=None), IDENTITY)
        )
        for pods in (4, 100_000)
    )
    spec_hash = r"spec-hash: [0-9a-f']+"

    assert _without_digits(few, spec_hash) == _without_digits(many, spec_hash)
    assert len(many) - len(few) <= 40


def _without_digits(text: str, spec_hash: str) -> str:
    import re

    return re.sub(r"\d+", "N", re.sub(spec_hash, "", text))


def test_json_is_one_list_of_the_same_objects():
    bundle = compile_node(load(GOLDEN / "gang-leader-and-workers" / "node.yaml"), IDENTITY)

    expected = {"apiVersion": "v1", "kind": "List", "items": [bundle.owner, *bundle.parts]}
    assert expected == json.loads(render_json(bundle))


names = st.from_regex(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", fullmatch=True)
role_names = st.from_regex(r"[a-z]([-a-z0-9]{0,28}[a-z0-9])?", fullmatch=True)


@given(names, role_names, st.integers(1, 100_000), st.sampled_from(["gang", "array"]))
def test_every_name_that_follows_from_the_object_name_fits(name: str, role: str, pods: int, coupling: str):
    node = DagNode(name=name, roles=[Role(name=role, image="a", pods=pods)], coupling=coupling)
    object_name = compile_node(node, IDENTITY).name

    assert object_name[0].isalpha()
    assert name.startswith(object_name.rsplit("-", 1)[0])
    if coupling == "gang":  # jobset and pod names, kubernetes-sigs/jobset: pkg/webhooks/jobset_webhook.go
        assert len(f"{object_name}-{role}-0-{pods - 1}-abcde") <= 63
    else:  # host names, kubernetes/kubernetes: pkg/apis/batch/validation/validation.go
        assert len(f"{object_name}-{pods - 1}") <= 63


def test_the_spec_hash_is_of_the_node_not_of_the_submission():
    node = DagNode(name="n", image="a", coupling="gang", pods=2)
    other = DagNode(name="n", image="b", coupling="gang", pods=2)

    hashes = [
        compile_node(n, i).spec_hash for n, i in ((node, IDENTITY), (node, Identity(owner="x")), (other, IDENTITY))
    ]
    assert hashes[0] == hashes[1] != hashes[2]
