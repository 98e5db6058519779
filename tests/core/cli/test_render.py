"""`dagset render`: the bytes that would be sent, and one message when they cannot be."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from .conftest import GANG, dagset


def test_prints_the_owner_and_its_parts(node_file: Path) -> None:
    node_file.write_text(GANG + "files: {a.txt: {text: hello}}\n")

    result = dagset("render", node_file)

    kinds = [manifest["kind"] for manifest in yaml.safe_load_all(result.stdout)]
    assert (0, "", ["JobSet", "ConfigMap"]) == (result.exit_code, result.stderr, kinds)


def test_json_holds_the_same(node_file: Path) -> None:
    documents = list(yaml.safe_load_all(dagset("render", node_file).stdout))

    found = json.loads(dagset("render", node_file, "-o", "json").stdout)

    assert {"apiVersion": "v1", "kind": "List", "items": documents} == found


def test_namespace_is_written_after_each_name(node_file: Path) -> None:
    (manifest,) = yaml.safe_load_all(dagset("render", node_file, "-n", "ml").stdout)

    assert ["name", "namespace", "labels", "annotations"] == list(manifest["metadata"])
    assert "ml" == manifest["metadata"]["namespace"]


def test_same_bytes_under_any_hash_seed(node_file: Path) -> None:
    command = [sys.executable, "-c", "from dagset.cli.main import main; main()", "render", str(node_file)]

    outputs = {
        subprocess.run(command, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True).stdout
        for seed in ("0", "1", "2")
    }

    assert 1 == len(outputs)


def test_needs_neither_cluster_nor_client(node_file: Path) -> None:
    lines = "import sys; from dagset.cli.main import cli; cli(sys.argv[1:], standalone_mode=False)"
    asked = "print([m for m in ('kubernetes', 'aiohttp', 'dagset.cluster.kube', 'dagset.local') if m in sys.modules])"
    command = [sys.executable, "-c", f"{lines}; {asked}", "render", str(node_file)]

    output = subprocess.run(command, capture_output=True, check=True, text=True).stdout

    assert "[]" == output.splitlines()[-1]


BAD = {
    "no YAML": "name: [",
    "empty": "",
    "a list": "- a",
    "an unknown word": "name: train\nimage: a\npodz: 4",
    "no pods": "name: train\nimage: a\npods: 0",
    "pods that are no number": "name: train\nimage: a\npods: many",
    "a bad quantity": "name: train\nimage: a\nmemory: lots",
    "a number in env": "name: train\nimage: a\nenv: {LR: 0.1}",
    "a time that YAML reads as a number": "name: train\nimage: a\ndeadline: 30:00",
    "an alias bomb": "a: &a [x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nname: [*c, *c]",
}


@pytest.mark.parametrize("command", ["render", "run"])
@pytest.mark.parametrize("text", BAD.values(), ids=BAD.keys())
def test_a_bad_node_is_one_message_and_exit_2(command: str, text: str, node_file: Path) -> None:
    node_file.write_text(text)

    result = dagset(command, node_file)

    assert (2, "", 1) == (result.exit_code, result.stdout, len(result.stderr.splitlines()))
    assert f"dagset: {node_file}: " in result.stderr


@pytest.mark.parametrize("command", ["render", "run", "cancel", "logs", "status"])
def test_a_missing_file_and_a_directory_are_one_message(command: str, tmp_path: Path) -> None:
    from dagset.testing.fake_cluster import FakeCluster

    for path in (tmp_path / "none.yaml", tmp_path):
        result = dagset(command, path, cluster=FakeCluster())

        assert (2, "") == (result.exit_code, result.stdout)
        assert f"dagset: {path}: " in result.stderr.splitlines()[-1]


def test_bytes_that_are_no_text_are_refused(node_file: Path) -> None:
    node_file.write_bytes(b"\xff\xfe\x00")

    result = dagset("render", node_file)

    assert (2, "", f"dagset: {node_file}: is not UTF-8 text; give a YAML or JSON file\n") == (
        result.exit_code,
        result.stdout,
        result.stderr,
    )
