"""The engines' pages have one shape, and the first example of each is what its engine takes."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docs.pages import ROOT

SHAPE = [
    "Install",
    "First example",
    "Words",
    "Where it runs",
    "How it ends",
    "Who runs it again",
    "When it is killed",
    "Who expands what",
    "What it needs",
    "Not yet",
]
LIMIT_S = 240


def page(engine: str) -> str:
    return (ROOT / "docs" / f"{engine}.md").read_text()


def example(engine: str) -> str:
    """Return the page's first block of Python."""
    found = re.search(r"^```python\n(.*?)^```$", page(engine), re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


@pytest.mark.parametrize("engine", ["airflow", "hera", "snakemake"])
def test_page_has_the_shape_of_all(engine: str):
    headings = re.findall(r"^## (.*)$", page(engine), re.MULTILINE)

    expected = [each for each in SHAPE if each != "Where it runs" or engine == "airflow"]
    assert expected == [each for each in headings if each in SHAPE]


def test_heras_example_is_a_workflow():
    namespace: dict[str, Any] = {}
    exec(example("hera"), namespace)
    templates = yaml.safe_load(namespace["workflow"].to_yaml())["spec"]["templates"]
    [manifest] = [each["resource"]["manifest"] for each in templates if "resource" in each]

    assert ["kind: JobSet"] == re.findall(r"^kind: .*", manifest, re.MULTILINE)
    assert {"workers", "rate"} == set(re.findall(r"inputs\.parameters\.(\w+)", manifest))


@pytest.mark.cluster
def test_airflows_example_is_a_dag(airflow_environ: dict[str, str], tmp_path: Path):
    shown = "    print([(task.task_id, task.pods, task.retries) for task in dag.tasks])\n"
    (tmp_path / "dag.py").write_text(example("airflow").replace("schedule=None):", "schedule=None) as dag:") + shown)
    run = typed("dag.py", folder=tmp_path, environ=airflow_environ)

    assert (0, "[('train', 4, 2)]") == (run.returncode, run.stdout.strip().splitlines()[-1]), run.stderr


@pytest.mark.cluster
def test_snakemakes_example_is_a_rule(tmp_path: Path):
    (tmp_path / "Snakefile").write_text(example("snakemake"))
    (tmp_path / "data.csv").touch()
    (tmp_path / "train.yaml").write_text("image: python:3.11-slim\n")
    options = ("--executor", "jobset", "--jobs", "1", "--dry-run")
    run = typed("-m", "snakemake", *options, "model.bin", folder=tmp_path, environ=dict(os.environ))

    assert 0 == run.returncode, run.stderr
    assert "rule train:" in run.stdout + run.stderr


def typed(*args: str, folder: Path, environ: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """Run Python with these arguments."""
    return subprocess.run(
        [sys.executable, *args], cwd=folder, env=environ, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
