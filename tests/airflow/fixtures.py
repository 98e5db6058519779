"""Airflow runs in processes of its own: it takes over logging, warnings and signals, and wants a database."""

import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.airflow.page import PAGE, programs

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
EXAMPLES = (ROOT / "examples" / "airflow", ROOT / "examples" / "rendezvous")
STARTING = re.compile(r"\[DAG TEST\] starting task_id=(\S+) map_index=(\S+)")
POD_LINE = re.compile(r"[a-z]+\[\d+\] ")
OURS = re.compile(r"\S+ \[\w+ *\] (.*?) *\[airflow\.task\.operators\.dagset_airflow\.")


@dataclass
class Lab:
    """What lab/dag.py wrote down, and by (task, map index) the lines in the tasks' logs that are ours."""

    tries: list[dict[str, Any]]
    tasks: list[dict[str, Any]]
    kept: list[list[Any]]
    late: dict[str, str]
    lines: dict[tuple[str, int], list[str]] = field(default_factory=dict)

    def task(self, task: str, map_index: int = -1) -> dict[str, Any]:
        """Return state, tries and XCom of a task."""
        (found,) = [row for row in self.tasks if (row["task"], row["map_index"]) == (task, map_index)]
        return {key: found[key] for key in ("state", "tries", "xcom")}

    def xcoms(self, task: str, map_index: int = -1) -> dict[str, Any]:
        """Return what a task pushed beside its return value."""
        (found,) = [row for row in self.tasks if (row["task"], row["map_index"]) == (task, map_index)]
        return found["xcoms"]

    def errors(self, task: str) -> list[tuple[str, str]]:
        """Return type and text of what each try raised."""
        return [(row["error"], row["text"]) for row in self.tries if row["task"] == task and "error" in row]

    def pod_lines(self, task: str, map_index: int = -1) -> list[str]:
        """Return the lines of pods, those of a pod together."""
        found = (line for line in self.lines[task, map_index] if POD_LINE.match(line))
        return sorted(found, key=lambda line: line.partition(" ")[0])


@pytest.fixture(scope="session")
def airflow_environ(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Variables for an Airflow without network, examples or anybody else's settings."""
    bundle = {"classpath": "airflow.dag_processing.bundles.local.LocalDagBundle"}
    page = tmp_path_factory.mktemp("page")
    for number, program in enumerate(programs(PAGE)):
        (page / f"program_{number}.py").write_text(program)
    bundles = [{**bundle, "name": path.name, "kwargs": {"path": str(path)}} for path in (HERE / "lab", *EXAMPLES, page)]
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "DAGSET", "PYTEST"))}
    return clean | {
        "PYTHONPATH": str(ROOT),
        "AIRFLOW_HOME": str(tmp_path_factory.mktemp("airflow")),
        "LAB_PAGE": str(page),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(bundles),
        "AIRFLOW__DAGSET__INSTALLATION": "lab",
        "AIRFLOW__DAGSET__LINK_TEMPLATES": '{"All pods": "https://d/{namespace}/{resource}/{name}?run={run_id}&{what}"}',
    }


@pytest.fixture(scope="session")
def probe(airflow_environ: dict[str, str]) -> dict[str, Any]:
    """What probe.py found; the last line is its own, Airflow may have said something before."""
    done = subprocess.run(
        [sys.executable, HERE / "probe.py"], env=airflow_environ, capture_output=True, text=True, check=False
    )
    assert 0 == done.returncode, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.fixture(scope="session")
def lab(airflow_environ: dict[str, str], local_cluster: Path, tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """All cases of lab/dag.py, run once."""
    folder = tmp_path_factory.mktemp("lab")
    gate, result = folder / "gate", folder / "result.json"
    os.mkfifo(gate)
    connection = {"conn_type": "kubernetes", "extra": {"kube_config": local_cluster.read_text()}}
    environ = {**airflow_environ, "DAGSET_CLUSTER": str(local_cluster), "AIRFLOW_CONN_LAB": json.dumps(connection)}
    with subprocess.Popen(
        [sys.executable, HERE / "lab" / "dag.py", local_cluster, gate, result],
        env={**environ, "TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        lines = _lines_by_task(process, gate=gate, log=folder / "log.txt")
    assert 0 == process.returncode, (folder / "log.txt").read_text()[-3000:]
    assert [] == list(folder.glob("dagset-kubeconfig-*"))
    return Lab(**json.loads(result.read_text()), lines=lines)


def _lines_by_task(process: subprocess.Popen[str], *, gate: Path, log: Path) -> dict[tuple[str, int], list[str]]:
    """Read to the end, and do what somebody outside does: end the node that was left running, kill a task."""
    by_task: dict[tuple[str, int], list[str]] = {}
    dag, current = "", ("", -1)
    with log.open("w") as copy:
        for line in process.stdout or ():
            copy.write(line)
            if line.startswith("=== "):
                dag = line.split()[1]
            if starting := STARTING.search(line):
                current = (starting[1] if dag == "lab" else f"{dag}.{starting[1]}", int(starting[2]))
            if ours := OURS.match(line):
                by_task.setdefault(current, []).append(ours[1])
                if current[0] == "left_running" and "is running already" in ours[1]:
                    gate.write_text("let go\n")
                if (current[0], ours[1]) == ("killed", "worker[0] up"):
                    process.send_signal(signal.SIGTERM)
    return by_task
