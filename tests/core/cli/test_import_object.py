"""`dagset import object`."""

import json
import re
from pathlib import Path

import yaml

from dagset.model import node_from

from .conftest import dagset

JOB = """\
apiVersion: batch/v1
kind: Job
metadata: {name: pi, namespace: math}
spec:
  backoffLimit: 4
  suspend: true
  ttlSecondsAfterFinished: 86400
  template: {spec: {restartPolicy: Never, containers: [{name: main, image: "perl:5", env: [{name: KEY, value: S3}]}]}}
"""
WORDS = {"name": "pi", "coupling": "array", "restarts": 4, "on_disruption": "count", "fail_exit_codes": []}


def job(tmp_path: Path, text: str = JOB) -> Path:
    path = tmp_path / "job.yaml"
    path.write_text(text)
    return path


def test_stdout_is_the_node_file_and_stderr_the_report(tmp_path: Path) -> None:
    result = dagset("import", "object", job(tmp_path))

    assert (0, WORDS | {"image": "perl:5", "env": {"KEY": "S3"}}) == (
        result.exit_code,
        yaml.safe_load(result.stdout),
    )
    assert [
        ("1", "apiVersion: batch/v1", "mapped"),
        ("2", "kind: Job", "mapped"),
        ("3", "metadata.name: pi", "mapped"),
        ("3", "metadata.namespace: math", "approximated"),
        ("5", "spec.backoffLimit: 4", "mapped"),
        ("6", "spec.suspend: True", "dropped"),
        ("7", "spec.ttlSecondsAfterFinished: 86400", "mapped"),
        ("8", "spec.template.spec.restartPolicy: Never", "mapped"),
        ("8", "spec.template.spec.containers[main].name: main", "mapped"),
        ("8", "spec.template.spec.containers[main].image: perl:5", "mapped"),
        ("8", "spec.template.spec.containers[main].env[KEY]", "mapped"),
    ] == [tuple(re.split(" {2,}", line)[:3]) for line in result.stderr.splitlines()[:-1]]
    assert "9 mapped, 1 approximated, 1 dropped" == result.stderr.splitlines()[-1]
    assert "S3" not in result.stderr


def test_json_of_kubectl_is_read_and_json_holds_node_and_report(tmp_path: Path) -> None:
    path = tmp_path / "job.json"
    path.write_text(json.dumps(yaml.safe_load(JOB), indent=4))
    told = json.loads(dagset("import", "object", path, "-o", "json").stdout)

    assert node_from(yaml.safe_load(dagset("import", "object", job(tmp_path)).stdout)) == node_from(told["node"])
    assert {"option": "kind", "text": "kind: Job", "line": 3, "how": "mapped"}.items() <= told["report"][1].items()


def test_strict_refuses_what_would_be_lost(tmp_path: Path) -> None:
    lost = dagset("import", "object", job(tmp_path), "--strict", "-o", "json")
    none_lost = dagset("import", "object", job(tmp_path, JOB.replace("suspend: true", "suspend: false")), "--strict")

    told = "dagset: --strict: 1 of the fields would be lost: line 6: spec.suspend: True\n"
    assert (2, "", told) == (lost.exit_code, lost.stdout, lost.stderr)
    assert (0, WORDS.keys()) == (none_lost.exit_code, yaml.safe_load(none_lost.stdout).keys() & WORDS.keys())


def test_errors_name_the_file(tmp_path: Path) -> None:
    path = job(tmp_path, "{apiVersion: v1, kind: List, items: []}")
    result = dagset("import", "object", path)

    message = f"dagset: {path}: kind: 'List': a List holds several objects, and a node is one; give one of its items\n"
    assert (2, message) == (result.exit_code, result.stderr)
