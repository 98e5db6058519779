"""The same texts through every engine: what arrives in the pod is what was meant; docs/expansion.md is made of them."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from dagset.model import Ref
from dagset.run import open_cluster
from dagset.run.follow import follow
from dagset.run.logs import LogStream
from dagset_hera import JobSetResource
from tests.expansion.texts import MEANT, PROGRAM, ROWS, printing, written
from tests.hera.argo import sent
from tests.snakemake.workflow import Workflow

PAGE = Path(__file__).parents[2] / "docs" / "expansion.md"
Request = pytest.FixtureRequest


def command_line(request: Request) -> str:
    """The line of the pod, by `dagset run` with a node file."""
    path = request.getfixturevalue("tmp_path") / "node.yaml"
    path.write_text(yaml.safe_dump({"name": "texts", **printing("file")}))
    command = [sys.executable, "-m", "dagset", "run", path, "-o", "json", "--cluster"]
    cluster = request.getfixturevalue("local_cluster")
    run = subprocess.run([*command, cluster], capture_output=True, text=True, check=False, timeout=120)
    return line_of("worker[0]", run.stderr)


def argo(request: Request) -> str:
    """The line of the pod, from the manifest that Argo's executor would create."""
    resource = JobSetResource(name="texts", node=printing("file"), set_owner_reference=False)
    template = resource._build_template().model_dump(exclude_none=True, by_alias=True, mode="json")
    cluster = open_cluster(str(request.getfixturevalue("local_cluster")))
    created = cluster.create(sent(template, values={}), namespace="default")
    lines: list[str] = []
    ref = Ref("Job", "default", created["metadata"]["name"], created["metadata"]["uid"])
    logs = LogStream(cluster, ref=ref, sink=lambda prefix, line: lines.append(f"{prefix} {line}"))
    follow(ref, cluster=cluster, logs=logs)
    logs.finish()
    return line_of("worker[0]", "\n".join(lines))


def airflow_argument(request: Request) -> str:
    return line_of("worker[0]", "\n".join(request.getfixturevalue("lab").pod_lines("texts")))


def airflow_file(request: Request) -> str:
    return line_of("worker[0]", "\n".join(request.getfixturevalue("lab").pod_lines("texts_from_file")))


SNAKEFILE = """
rule texts:
    output: "texts"
    resources: jobset_node="node.yaml"
    shell: {command!r}
"""


def snakemake(request: Request, command: str) -> tuple[str, Workflow]:
    """Run a rule whose node has a second role, which prints the texts of a node file."""
    workflow: Workflow = request.getfixturevalue("workflow")
    workflow.write(SNAKEFILE.format(command=f"python3 -c '{PROGRAM}' {command} > {{output}}"))
    pods = [{"name": "leader", **printing("file")}, {"name": "other", **printing("file")}]
    (workflow.folder / "node.yaml").write_text(yaml.safe_dump({"roles": pods}))
    run = workflow.run("texts")
    assert 0 == run.code, run.said
    return (workflow.folder / "texts").read_text(), workflow


def snakemake_shell(request: Request) -> str:
    return snakemake(request, " ".join(written("shell")))[0]


def snakemake_file(request: Request) -> str:
    return line_of("other[0]", snakemake(request, "")[1].log("texts"))


def line_of(pod: str, text: str) -> str:
    """Return the one line of a pod, which is a list."""
    (line,) = [line for line in text.splitlines() if line.startswith(f"{pod} [")] or [f"{pod} nothing in {text}"]
    return line.removeprefix(pod)


@pytest.mark.cluster
@pytest.mark.parametrize(
    "through", [command_line, airflow_argument, airflow_file, argo, snakemake_shell, snakemake_file]
)
def test_texts_arrive_as_they_were_meant(through: Callable[[Request], str], request: Request):
    assert MEANT == json.loads(through(request))


def test_page_tells_how_each_text_is_written(golden: Any):
    head, begin, _ = PAGE.read_text().partition("| to arrive ")
    assert begin
    rows = zip(MEANT, written("file"), written("airflow"), written("shell"), strict=False)
    table = "".join(f"| {' | '.join(map(shown, row))} |\n" for row, _ in zip(rows, ROWS, strict=False))

    golden(PAGE, f"{head}{TABLE_HEAD}{table}")


TABLE_HEAD = """\
| to arrive in the pod | node file, Python, Argo | Airflow | `shell` of a Snakemake rule |
|---|---|---|---|
"""


def shown(text: str) -> str:
    return f"`{text}`".replace("\n", "⏎")
