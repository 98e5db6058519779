"""What dagset compiled comes back as the node that it was compiled from; where it does not, that is said here."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from dagset.compile import compile_node
from dagset.importers.objects import import_object
from dagset.model import DagNode, Identity, load

GOLDEN = Path(__file__).parents[3] / "golden"
CASES = sorted(path.name for path in GOLDEN.iterdir())
IDENTITY = Identity(owner="ann@desk:/home/ann/node.yaml", dag="etl", run="r1", task="t", map_index=2, generation=3)
# Files are in a ConfigMap, the queue of a PodGroup in that; what an engine reads is in no object.
DIFFERING = {
    "array-every-word": {"cpu", "files", "keep", "roles"},  # 1.5, said as 1500m
    "array-policies": {"kind", "max_failed_indexes"},  # what compile adds to a huge array, and a kind said for clarity
    "gang-every-word": {"files", "roles"},  # a patch that removes what every pod says
    "gang-leader-and-workers": {"files"},
    "gang-mpi": {"files"},
    "gang-plain-job": {"files"},
    "gang-slurm-bridge": {"deadline"},  # 90s, said as 1m30s
    "gang-volcano": {"queue_name", "queue_priority"},
}


def imported(node: DagNode) -> Any:
    return import_object(compile_node(node, IDENTITY).owner)


def without(owner: dict[str, Any]) -> str:
    """Return an object as text, without the node's files, the hash of both, and a patch's removal of a default."""
    owner["metadata"]["annotations"].pop("dagset.io/spec-hash")
    files = ("dagset-files", "DAGSET_FILES")

    def clean(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: each for key, old in value.items() if (each := clean(old)) != [] or old == []}
        if isinstance(value, list):
            return [clean(each) for each in value if not (isinstance(each, dict) and each.get("name") in files)]
        return value

    return re.sub(r".*terminationGracePeriodSeconds: 30\n", "", yaml.safe_dump(clean(owner)))


@pytest.mark.parametrize("case", CASES)
def test_it_is_the_same_node_but_for_what_the_object_does_not_hold(case: str):
    node = load(GOLDEN / case / "node.yaml")
    back = imported(node).node
    words = [field.name for field in msgspec.structs.fields(DagNode)]

    assert DIFFERING.get(case, set()) == {word for word in words if getattr(node, word) != getattr(back, word)}


@pytest.mark.parametrize("case", CASES)
def test_it_compiles_to_the_same_object_but_for_files(case: str):
    node = load(GOLDEN / case / "node.yaml")

    assert without(compile_node(node, IDENTITY).owner) == without(compile_node(imported(node).node, IDENTITY).owner)


@pytest.mark.parametrize("case", CASES)
def test_only_files_are_lost(case: str):
    lost = {entry.becomes for entry in imported(load(GOLDEN / case / "node.yaml")).report if entry.how == "dropped"}

    assert lost <= {"nothing: what is in the ConfigMap is not in this object; give it in `files`"}
