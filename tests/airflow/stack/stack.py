"""A whole Airflow on this machine: API server, scheduler with LocalExecutor, DAG processor and triggerer, on SQLite."""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
AIRFLOW = ROOT / ".venv" / "bin" / "airflow"
COMPONENTS = ("api-server", "dag-processor", "scheduler", "triggerer")
LOG_PORTS = ("AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT", "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT")
LOOK_S, TRIES, LINES_TOLD = 0.5, 10, 40


def free_ports(count: int) -> list[int]:
    with_ports = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in with_ports]
    for each in with_ports:
        each.close()
    return ports


@dataclass
class Stack:
    """Airflow, its processes by component, and the words to its REST API."""

    home: Path
    environ: dict[str, str]
    port: int
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    token: str = ""

    def start(self, component: str, *, name: str = "") -> None:
        """Start one; with a name it is another one of its kind, with ports of its own."""
        ports = dict(zip(LOG_PORTS, map(str, free_ports(len(LOG_PORTS))), strict=True)) if name else {}
        with (self.home / f"{name or component}.log").open("ab") as log:
            self.processes[name or component] = subprocess.Popen(
                [AIRFLOW, component], env=self.environ | ports, stdout=log, stderr=log, start_new_session=True
            )

    def kill(self, component: str, number: int = signal.SIGKILL) -> None:
        process = self.processes[component]
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        if number == signal.SIGKILL:
            process.wait()

    def ask(self, path: str, body: object = None, *, method: str | None = None) -> Any:
        """Return the answer of the REST API; 500 is SQLite that others lock."""
        head = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, head, method=method)
        for left in reversed(range(TRIES)):
            try:
                with urllib.request.urlopen(request, timeout=60) as answer:
                    return json.load(answer)
            except (urllib.error.HTTPError, TimeoutError) as error:
                if not left or (isinstance(error, urllib.error.HTTPError) and error.code != 500):
                    raise
        raise AssertionError

    def is_healthy(self) -> bool:
        try:
            self.token = self.token or self.ask("/auth/token")["access_token"]
            health = self.ask("/api/v2/monitor/health")
        except OSError:
            return False
        return all(health[part]["status"] == "healthy" for part in ("scheduler", "triggerer", "dag_processor"))

    def triggerers(self) -> int:
        """Return how many are alive."""
        return len(self.ask("/api/v2/jobs?job_type=TriggererJob&is_alive=true")["jobs"])

    def knows(self, dag: str) -> bool:
        try:
            self.ask(f"/api/v2/dags/{dag}")
        except OSError:
            return False
        return True

    def begin(self, dag: str) -> str:
        """Start a run and return its id."""
        return str(self.ask(f"/api/v2/dags/{dag}/dagRuns", {"logical_date": None})["dag_run_id"])

    def state(self, dag: str, run: str) -> str:
        """Return the state of a run."""
        return str(self.ask(f"/api/v2/dags/{dag}/dagRuns/{run}")["state"])

    def tasks(self, dag: str, run: str) -> dict[tuple[str, int], dict[str, Any]]:
        told = self.ask(f"/api/v2/dags/{dag}/dagRuns/{run}/taskInstances?limit=200")
        return {(each["task_id"], each["map_index"]): each for each in told["task_instances"]}

    def lines(self, task: str, *, attempt: int | str, map_index: int = -1) -> list[str]:
        """Return what a try wrote into the task's log, on workers and in triggerers, oldest first."""
        return [str(line["event"]) for line in self._logged(task, attempt, map_index)]

    def story(self, task: str, map_index: int = -1) -> str:
        """Return the end of what all tries of a task wrote, and what the scheduler said of it: why a test failed."""
        written = [f"{line.get('timestamp', '')} {line['event']}" for line in self._logged(task, "*", map_index)]
        errors = [
            str(line["error_detail"])[-600:] for line in self._logged(task, "*", map_index) if line.get("error_detail")
        ]
        said = (self.home / "scheduler.log").read_text(errors="replace").splitlines()
        scheduler = [line[:400] for line in said if task in line and "finished with state" in line]
        return "\n".join([f"log of {task}:", *written[-LINES_TOLD:], *errors, *scheduler])

    def last_words(self) -> str:
        """Return the end of what each component said."""
        logs = {component: (self.home / f"{component}.log").read_text(errors="replace") for component in COMPONENTS}
        return "\n".join(f"{component}:\n{text[-1000:]}" for component, text in logs.items())

    def said(self, text: str) -> list[str]:
        """Return the lines of all tasks' logs in which something is said."""
        files = self.home.glob("logs/dag_id=*/**/*.log*")
        return [line for file in files for line in file.read_text().splitlines() if text in line]

    def _logged(self, task: str, attempt: int | str, map_index: int) -> list[dict[str, Any]]:
        mapped = f"/map_index={map_index}" if map_index >= 0 else ""
        files = self.home.glob(f"logs/dag_id=*/run_id=*/task_id={task}{mapped}/attempt={attempt}.log*")
        told = [json.loads(line) for file in files for line in file.read_text().splitlines() if line[:1] == "{"]
        return sorted(told, key=lambda line: str(line.get("timestamp", "")))


def until(
    is_so: Callable[[], bool], what: str, *, seconds: float = 240.0, told: Callable[[], str] = lambda: ""
) -> None:
    """Wait for something that another process does; if it does not, fail with what `told` has to say."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, f"not within {seconds:.0f} s: {what}\n{told()}"
        time.sleep(LOOK_S)


@contextmanager
def running(home: Path, environ: dict[str, str], *, dags: Sequence[Path] = (HERE,)) -> Iterator[Stack]:
    """Give an Airflow that serves the DAGs of some folders, and end all of it."""
    port, log_port, triggerer_port = free_ports(3)
    bundle = {"classpath": "airflow.dag_processing.bundles.local.LocalDagBundle"}
    bundles = [{**bundle, "name": path.name, "kwargs": {"path": str(path)}} for path in dags]
    settings = {
        "API__HOST": "127.0.0.1",
        "API__PORT": str(port),
        "API__WORKERS": "1",
        "API_AUTH__JWT_SECRET": "0" * 64,
        "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "CORE__LOAD_EXAMPLES": "False",
        "CORE__PARALLELISM": "4",
        "CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "DAGSET__INSTALLATION": "stack",
        "DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(bundles),
        "LOGGING__TRIGGER_LOG_SERVER_PORT": str(triggerer_port),
        "LOGGING__WORKER_LOG_SERVER_PORT": str(log_port),
        "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
        "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "3",
        "TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "10",
        "TRIGGERER__JOB_HEARTBEAT_SEC": "2",
        "WORKERS__MIN_HEARTBEAT_INTERVAL": "1",  # else a worker that has deferred is busy for 5 s more
    }
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "DAGSET", "PYTEST"))}
    ours = {f"AIRFLOW__{name}": value for name, value in settings.items()}
    ours |= {"AIRFLOW_HOME": str(home), "NO_PROXY": "127.0.0.1,localhost", "PYTHONPATH": str(ROOT)}
    stack = Stack(home, clean | ours | environ, port)
    with (home / "migrate.log").open("wb") as log:
        subprocess.run([AIRFLOW, "db", "migrate"], env=stack.environ, stdout=log, stderr=log, check=True)
    try:
        for component in COMPONENTS:
            stack.start(component)
        until(stack.is_healthy, "all components are healthy", told=stack.last_words)
        yield stack
    finally:
        for component in stack.processes:
            stack.kill(component, signal.SIGTERM)
        for component, process in stack.processes.items():
            with suppress(subprocess.TimeoutExpired):  # the scheduler does not always end when asked
                process.wait(timeout=10)
            stack.kill(component)
