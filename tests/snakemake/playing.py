"""The whole executor on a cluster that tells recorded stories, with as little of Snakemake around it as it asks for."""

import json
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from dagset import constants
from dagset.cluster.protocol import Labels, Manifest
from dagset.errors import DagsetError, NotFound
from dagset.observe import Change
from dagset.testing.fake_cluster import FakeCluster
from snakemake_executor_plugin_jobset import Executor, ExecutorSettings, common_settings

__all__ = ["Job", "Played", "told"]

PATIENCE_S = 30
RETRIES = 2


class Played(FakeCluster):
    """Each node that is made goes the way of a recording: the first of the first, the second of the second.

    It is told all at once, when the node's kinds are watched. A recording that is an error is what the create answers;
    None takes the node away before anybody has looked.
    """

    def __init__(self, *recordings: Sequence[Change] | DagsetError | None) -> None:
        super().__init__()
        self.made: list[str] = []
        self._recordings = iter(recordings)
        self._unwatched: set[str] = set()
        self._next: tuple[Manifest, Sequence[Change]] | None = None

    def create(self, manifest: Manifest, *, namespace: str, dry_run: bool = False) -> Manifest:
        if manifest["kind"] not in ("Job", "JobSet"):
            return super().create(manifest, namespace=namespace, dry_run=dry_run)
        recording = next(self._recordings)
        if isinstance(recording, DagsetError):
            raise recording
        made = super().create(manifest, namespace=namespace, dry_run=dry_run)
        self.made.append(made["kind"])
        if recording is None:
            self.remove(made["kind"], name=made["metadata"]["name"])
        else:
            self._next, self._unwatched = (made, recording), {"Job", "Pod", made["kind"]}
        return made

    def watch(self, kind: str, *, namespace: str, labels: Labels, resource_version: str) -> Any:
        stream = super().watch(kind, namespace=namespace, labels=labels, resource_version=resource_version)
        with self._changed:
            self._unwatched.discard(kind)
            if self._next is not None and not self._unwatched:
                play, self._next = self._next, None
                for change in renamed(*play):
                    self._tell(change)
        return stream

    def _tell(self, change: Change) -> None:
        name = change.object["metadata"]["name"]
        if change.verb != "DELETED":
            self.put({"kind": change.kind, **change.object})
            return
        with suppress(NotFound):
            self.remove(change.kind, name=name)


def renamed(made: Manifest, recording: Sequence[Change]) -> list[Change]:
    """Return the recording as if it were of this node: its name, uid and labels, and its template, which none keeps."""
    owner = next(each.object["metadata"] for each in recording if each.kind == made["kind"])
    own = made["metadata"]
    names = {owner["uid"]: own["uid"], owner["name"]: own["name"]}
    text = json.dumps([each.object for each in recording])
    for recorded, name in names.items():
        text = text.replace(recorded, name)
    changes = [Change(each.kind, each.verb, obj) for each, obj in zip(recording, json.loads(text), strict=True)]
    for change in changes:
        labels = change.object["metadata"].get("labels") or {}
        if constants.IDENTITY in labels:
            change.object["metadata"]["labels"] = {**labels, **own["labels"]}
        if change.object["metadata"]["uid"] == own["uid"]:
            change.object["spec"] = {**made["spec"], **change.object["spec"]}
    return changes


@dataclass(eq=False)
class Job:
    """What the executor asks of a job, and what it has told of it: an end, a message, and logs."""

    place: int = 0
    attempt: int = 1
    restart_times: int = RETRIES
    resources: dict[str, Any] = field(default_factory=dict)
    end: str = ""
    message: str = ""
    logs: tuple[str, ...] = ()
    name: str = "job"
    threads: int = 0

    def is_group(self) -> bool:
        return False

    def get_target_spec(self) -> list[Any]:
        return [SimpleNamespace(rulename=self.name, wildcards_dict={"i": self.place})]

    def register(self, *, external_jobid: str) -> None:
        assert external_jobid

    def log_info(self) -> None:
        """Print nothing."""

    def log_error(self, msg: str, *, aux_logs: Sequence[str], **_more: Any) -> None:
        self.message, self.logs = msg, tuple(aux_logs)


class Scheduler:
    """Snakemake's, as far as it is told of ends."""

    def __init__(self, jobs: int) -> None:
        self._left, self.all_ended = jobs, threading.Event()

    def submit_callback(self, job: Job) -> None:
        assert job.end == ""

    def finish_callback(self, job: Job) -> None:
        self._end(job, "success")

    def error_callback(self, job: Job) -> None:
        # snakemake: src/snakemake/scheduling/job_scheduler.py, _handle_error
        self._end(job, "retry" if job.restart_times > job.attempt - 1 else "fail")

    def executor_error_callback(self, error: Exception) -> None:
        raise AssertionError("the executor has raised") from error

    def _end(self, job: Job, end: str) -> None:
        assert job.end == "", "a job is told once"
        job.end, self._left = end, self._left - 1
        if self._left == 0:
            self.all_ended.set()


class OnPlayed(Executor):
    """The executor, but for its cluster, and for the command, which is Snakemake's to make."""

    def __init__(self, workflow: Any, cluster: FakeCluster) -> None:
        self._played = cluster
        super().__init__(workflow, SimpleNamespace(info=lambda _text: None, error=lambda _text: None))

    def open_cluster(self) -> FakeCluster:
        return self._played

    def format_job_exec(self, job: Job) -> str:
        return f"make {job.place}"


def told(cluster: FakeCluster, jobs: Sequence[Job], folder: Path) -> None:
    """Have the executor run these jobs, which are ready together, until Snakemake is told of all their ends."""
    scheduler = Scheduler(len(jobs))
    remote = {"max_status_checks_per_second": 100, "seconds_between_status_checks": PATIENCE_S, "jobname": "{jobid}"}
    workflow = SimpleNamespace(
        dag=None,
        scheduler=scheduler,
        rules=(),
        main_snakefile=str(folder / "Snakefile"),
        executor_settings=ExecutorSettings(array_window=0.0, image="smk:1"),
        executor_plugin=SimpleNamespace(common_settings=common_settings),
        remote_execution_settings=SimpleNamespace(
            **remote, jobscript=None, container_image=None, immediate_submit=False
        ),
        storage_settings=SimpleNamespace(shared_fs_usage=frozenset()),
        spawned_job_args_factory=SimpleNamespace(envvars=dict),
    )
    (folder / ".snakemake").mkdir()
    executor = OnPlayed(workflow, cluster)
    executor.run_jobs(list(jobs))
    assert scheduler.all_ended.wait(PATIENCE_S), [job.end for job in jobs]
    executor.shutdown()
