"""Whole workflows against the CRD of Argo itself, where an unknown field is an error."""

import copy
import json
import runpy
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from hera.workflows import Parameter, RetryStrategy, Workflow
from jsonschema import Draft202012Validator

from dagset_hera import JobSetResource, cleanup
from tests.realcluster.fixtures import left_out

ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).parent / "golden"
ARGO = "github.com/argoproj/argo-workflows/v4@v4.0.2"
ARGO_SUM = "h1:tmg7iIjnPF9EMtaGi6K6+Sm28J9WyyLUrJ1vdKkNmgc="
EXAMPLES = sorted((ROOT / "examples").glob("*/*_workflow.py"))


@pytest.fixture(scope="session")
def workflow_schema(tmp_path_factory: pytest.TempPathFactory) -> Draft202012Validator:
    """A validator of Workflow objects, made from the CRD in Argo's Go module."""
    module = _argo_module(tmp_path_factory.mktemp("go"))
    crd = module / "manifests" / "base" / "crds" / "full" / "argoproj.io_workflows.yaml"
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    (version,) = yaml.load(crd.read_text(), Loader=loader)["spec"]["versions"]
    return Draft202012Validator(_strict(version["schema"]["openAPIV3Schema"]))


def _argo_module(folder: Path) -> Path:
    """The folder of Argo's Go module, fetched by Go where it is not in its cache yet."""
    if shutil.which("go") is None:
        left_out("Argo's schema: Go is not installed, which fetches it")
    command = ["go", "mod", "download", "-json", ARGO]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=240, check=False)
    except subprocess.TimeoutExpired:
        left_out(f"Argo's schema: {' '.join(command)} took more than 4 minutes")
    if done.returncode != 0:
        left_out(f"Argo's schema: {' '.join(command)} failed: {(done.stdout + done.stderr).strip()[:300]}")
    module = json.loads(done.stdout)
    assert module["Sum"] == ARGO_SUM
    return Path(module["Dir"])


def _strict(schema: Any) -> Any:
    """A structural schema as JSON Schema in which a field that is not named is refused."""
    if isinstance(schema, list):
        return [_strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    strict = {key: _strict(value) for key, value in schema.items() if key != "properties"}
    if "properties" in schema:
        strict["properties"] = {name: _strict(value) for name, value in schema["properties"].items()}
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            strict.setdefault("additionalProperties", False)
    return strict


def _workflow(example: Path) -> dict[str, Any]:
    return runpy.run_path(str(example))["workflow"].to_dict()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_a_workflow_to_argo(example: Path, workflow_schema: Draft202012Validator):
    assert [] == [error.message for error in workflow_schema.iter_errors(_workflow(example))]


def test_a_node_with_parts_and_all_that_a_template_may_say_is_a_workflow_to_argo(workflow_schema: Draft202012Validator):
    node = {"image": "a", "coupling": "gang", "pods": "{{inputs.parameters.n}}", "files": {"b": {"text": "c"}}}
    with Workflow(name="w", entrypoint="train", on_exit="cleanup") as made:
        JobSetResource(
            name="train",
            node=node,
            inputs=[Parameter(name="n", default="2")],
            retry_strategy=RetryStrategy(limit=2),
            active_deadline_seconds=600,
            node_selector={"pool": "small"},
            labels={"team": "vision"},
            parallelism=1,
            timeout="1h",
        )
        cleanup(kind="jobset,configmap")

    assert [] == [error.message for error in workflow_schema.iter_errors(made.to_dict())]


def test_a_misspelt_field_is_seen(workflow_schema: Draft202012Validator):
    workflow = copy.deepcopy(_workflow(EXAMPLES[0]))
    resource = workflow["spec"]["templates"][0]["resource"]
    resource["manifst"] = resource.pop("manifest")

    (error,) = workflow_schema.iter_errors(workflow)

    assert "Additional properties are not allowed ('manifst' was unexpected)" == error.message


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_prints_what_was_reviewed(example: Path, golden: Any):
    beside = GOLDEN if example.parent.name == "argo" else example.parent
    golden(beside / f"{example.stem}.yaml", runpy.run_path(str(example))["workflow"].to_yaml())
