"""What is fuzzed: each target takes bytes and raises only what is a bug. A reader of another form is one more entry."""

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path

from dagset.compile import compile_node
from dagset.compile.render import render_yaml
from dagset.errors import DagsetError
from dagset.model import Identity, node_from

__all__ = ["TARGETS", "load_all", "seeds"]

ROOT = Path(__file__).parents[2]


def _node(data: bytes, *, is_json: bool) -> None:
    """Read a node, and compile what could be read."""
    try:
        node = node_from(data.decode(errors="surrogateescape"), is_json=is_json)
        render_yaml(compile_node(node, Identity(owner="fuzz")))
    except DagsetError as error:
        _check_message(error)


def _sbatch(data: bytes) -> None:
    from dagset.importers import import_sbatch

    try:
        imported = import_sbatch(data.decode(errors="replace"), name="fuzz", image="a")
        compile_node(imported.node, Identity(owner="fuzz"))
    except DagsetError as error:
        _check_message(error)


def _object(data: bytes) -> None:
    from dagset.importers.objects import import_object

    try:
        imported = import_object(data.decode(errors="surrogateescape"))
        render_yaml(compile_node(imported.node, Identity(owner="fuzz")))
    except DagsetError as error:
        _check_message(error)


def _check_message(error: DagsetError) -> None:
    if not 0 < len(str(error)) < 2000:
        raise AssertionError(f"a message of {len(str(error))} characters")


def _targets() -> Mapping[str, Callable[[bytes], None]]:
    found = {"yaml": lambda data: _node(data, is_json=False), "json": lambda data: _node(data, is_json=True)}
    return {**found, "sbatch": _sbatch, "object": _object} if find_spec("dagset.importers") is not None else found


TARGETS = _targets()


def load_all() -> None:
    """Have everything imported that is imported late, so that atheris sees it."""
    for target in TARGETS:
        for text in seeds(target):
            TARGETS[target](text)


def seeds(target: str) -> list[bytes]:
    """Return good inputs to begin with: the repository's own files, smallest first."""
    patterns = {"yaml": ("examples/**/*.yaml", "tests/golden/**/node.yaml"), "sbatch": ("examples/**/*.sbatch",)}
    paths = [path for pattern in patterns.get(target, ()) for path in ROOT.glob(pattern)]
    texts = {path.read_bytes() for path in paths if path.stat().st_size < 20_000}
    if target == "object":
        texts = set((ROOT / "tests/core/importers/objects/corpus.yaml").read_bytes().split(b"\n---\n"))
    return sorted({*texts, *EXTRA.get(target, ())}, key=lambda text: (len(text), text))


EXTRA: Mapping[str, tuple[bytes, ...]] = {
    "yaml": (
        b"name: n\nimage: a\npods: 4\ncoupling: array\ndeadline: 1h\nmemory: 1Gi\ncpu: 0.5\n",
        b"name: n\ncoupling: gang\nsuccess: {roles: [l]}\nroles:\n- {name: l, image: a}\n- {image: a, pods: 3}\n",
        b"a: &a [1, 2]\nb: [*a, *a]\nc: {<<: {d: 1}}\nd: !!bool yes\ne: 2001-01-01\nf: 1:30\ng: 0x1f\nh: .inf\n",
        b"name: n\nimage: a\nsuccess: {indexes: '0,2-4', count: 2}\npods: 9\nenv: {A: '1'}\nfiles: {a: {text: b}}\n",
    ),
    "json": (b'{"name": "n", "image": "a", "pods": 4, "coupling": "gang", "env": {"A": "1"}, "restarts": 2}',),
    "sbatch": (
        b"#!/bin/bash\n#SBATCH -J x -N 2 --ntasks-per-node=4\n#SBATCH --time=1-00:30:00 --mem=4G\nsrun ./a.out\n",
        b"#!/bin/sh\n#SBATCH --array=0-9%3 --gres=gpu:2\n#SBATCH hetjob\n#SBATCH -c 4 --signal=B:USR1@60\necho hi\n",
    ),
}
