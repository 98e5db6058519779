"""What Snakemake relies on: each job is reported once or given back, by the table, and nothing is left behind."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from snakemake_interface_executor_plugins.executors.base import SubmittedJobInfo

from dagset.errors import ClusterRefused
from dagset.model import DagNode, Identity
from dagset.observe import REASONS
from dagset.testing.fake_cluster import FakeCluster
from snakemake_executor_plugin_jobset import Executor
from snakemake_executor_plugin_jobset.following import Followers, JobThread
from snakemake_executor_plugin_jobset.jobs import MAX_AGAIN, Ending, Member

NODE = DagNode(name="job", image="smk:1")


@dataclass
class Job:
    """What of a Snakemake job the executor touches when it ends: with two retries, at its first attempt."""

    attempt: int = 1
    restart_times: int = 2

    def is_group(self) -> bool:
        return False


class Reporting(Executor):
    """The executor without a workflow, keeping what it would tell it."""

    def __init__(self) -> None:
        self._shared, self._collector, self.reports = None, None, []

    def report_job_success(self, job_info: Any) -> None:
        self.reports.append((job_info.job, "success"))

    def report_job_error(self, job_info: Any, msg: str | None = None, **_more: Any) -> None:
        tries_left = job_info.job.restart_times > job_info.job.attempt - 1  # as Snakemake's scheduler asks
        self.reports.append((job_info.job, "retry" if tries_left else "fail"))


def member() -> Member:
    return Member("job:", "job", "true", NODE, Identity(owner="test", task="job:"))


def info(ending: Ending | None) -> SubmittedJobInfo:
    ended = member()
    ended.ending = ending
    return SubmittedJobInfo(Job(), aux={"member": ended})


@pytest.mark.parametrize("reason", sorted(set(REASONS) - {"disrupted"}))
async def test_every_reason_means_what_the_table_says(reason: str):
    executor, ended = Reporting(), info(Ending(REASONS[reason].snakemake, "how it went"))

    left = [each async for each in executor.check_active_jobs([ended])]

    assert ([], [(ended.job, REASONS[reason].snakemake)]) == (left, executor.reports)


def test_a_disrupted_job_runs_again_for_free_so_often_and_no_more(tmp_path: Path):
    again: list[Member] = []
    shared = Followers(cluster=FakeCluster(), logs=tmp_path, tell=lambda _text: None, run_again=again.append)
    job, disrupted = member(), Ending(REASONS["disrupted"].snakemake, "drained")

    for _ in range(MAX_AGAIN):
        shared.end(job, disrupted)
        assert job.ending is None
    shared.end(job, disrupted)

    assert ([job] * MAX_AGAIN, Ending("retry", "drained")) == (again, job.ending)


async def test_a_check_reports_what_has_ended_and_gives_back_all_others():
    executor = Reporting()
    running, well, ill, waiting = info(None), info(Ending("success", "")), info(Ending("retry", "no")), info(None)

    left = [each async for each in executor.check_active_jobs([running, well, ill, waiting])]

    assert [running, waiting] == left
    assert [(well.job, "success"), (ill.job, "retry")] == executor.reports


async def test_a_check_before_there_is_anything_is_harmless():
    assert [] == [each async for each in Reporting().check_active_jobs([])]


@dataclass
class Telling(FakeCluster):
    """A cluster that answers every create with an error, or hands the created object to `created`."""

    error: Exception | None = None
    created: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        FakeCluster.__init__(self)

    def create(self, manifest: Any, *, namespace: str) -> Any:
        if self.error:
            raise self.error
        self.created.append(manifest["kind"])
        return super().create(manifest, namespace=namespace)


def run_on(cluster: FakeCluster, folder: Path, *, stopped: bool = False) -> tuple[Member, Followers]:
    job, shared = member(), Followers(cluster=cluster, logs=folder, tell=lambda _text: None)
    if stopped:
        shared.stop.set()
    JobThread(job, shared).run()
    return job, shared


@pytest.mark.parametrize(
    ("error", "ending"),
    [
        (ClusterRefused("exceeded quota: gpus", status=403), Ending("fail", "exceeded quota: gpus")),
        (KeyError("kind"), Ending("fail", "bug in the jobset executor: KeyError: 'kind'")),
    ],
    ids=["refused", "bug"],
)
def test_what_cannot_be_submitted_ends_with_the_reason(error: Exception, ending: Ending, tmp_path: Path):
    job, shared = run_on(Telling(error=error), tmp_path)

    assert (ending, True) == (job.ending, shared.news.is_set())


def test_told_to_stop_a_job_deletes_its_node_also_when_it_was_just_being_created(tmp_path: Path):
    cluster = Telling()
    job, _shared = run_on(cluster, tmp_path, stopped=True)

    assert (["Job"], None) == (cluster.created, job.ending)
    assert [] == cluster.list("Job", namespace="default", labels={}).items
