"""Snakemake executor plugin `jobset`: jobs are dagset nodes or indexes of one, on the local cluster or any Kubernetes.

Snakemake imports this at every start, whichever executor is used: nothing but its own interface is imported here.
"""

import asyncio
import shlex
import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from snakemake_interface_common.exceptions import WorkflowError
from snakemake_interface_executor_plugins.executors.base import SubmittedJobInfo
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor
from snakemake_interface_executor_plugins.settings import SharedFSUsage
from snakemake_interface_executor_plugins.utils import encode_target_jobs_cli_args

from snakemake_executor_plugin_jobset.settings import ExecutorSettings, common_settings

if TYPE_CHECKING:
    from dagset.cluster.protocol import Cluster
    from snakemake_executor_plugin_jobset.collecting import Collector
    from snakemake_executor_plugin_jobset.following import Followers
    from snakemake_executor_plugin_jobset.jobs import Ending, Member
    from snakemake_executor_plugin_jobset.making import Asked, Maker
    from snakemake_executor_plugin_jobset.table import Start

__all__ = ["Executor", "ExecutorSettings", "common_settings"]

# A rule's own `retries` would be read, and obeyed, again inside the pod: this makes them 0 there. Its list of rules is
# empty (all), which another option has to end. What the inner Snakemake says of itself would bury the job's own lines.
IN_THE_POD = "--quiet host progress reason rules --preemptible-rules --preemptible-retries 0"
# The rate limiter keeps an ended Snakemake alive for a second; one job needs none, a group's jobs wait for cores.
NO_IDLE_SECOND = "--max-jobs-per-timespan 1000/0s"


class Executor(RemoteExecutor):  # type: ignore[misc]  # the interface ships no types
    """Hands each job to a thread that follows its node, and tells Snakemake how they end."""

    def __init__(self, workflow: Any, logger: Any) -> None:
        self._shared: Followers | None = None  # before super: its status thread runs already while the rest is set up
        self._collector: Collector | None = None
        self._maker: Maker | None = None
        self._workdir = Path.cwd()
        super().__init__(workflow, logger)

    def __post_init__(self) -> None:
        """Refuse what no job could run with, and say where jobs will run."""
        from dagset.errors import DagsetError
        from snakemake_executor_plugin_jobset.starting import started

        try:
            self._maker, self._shared, self._collector = started(
                self.executor_settings,
                self.workflow,
                cluster=self.open_cluster(),
                workdir=self._workdir,
                envvars=tuple(self.envvars()),
                python=shlex.quote(self.get_python_executable()),
                setup=self.get_job_exec_prefix(None),
                tell=self.logger.info,
            )
        except DagsetError as error:
            raise WorkflowError(f"jobset: {error}") from None

    def open_cluster(self) -> "Cluster":
        """Return where the jobs run."""
        from dagset.run import open_cluster
        from snakemake_executor_plugin_jobset.options import cluster_name

        settings = self.executor_settings
        return open_cluster(cluster_name(settings), namespace=settings.namespace)

    def run_job(self, job: Any) -> None:
        """Run one job."""
        self._submit([job])

    def run_jobs(self, jobs: list[Any]) -> None:
        """Run jobs that are ready together."""
        for job in jobs:
            self.run_job_pre(job)
        self._submit(jobs)

    def _submit(self, jobs: list[Any]) -> None:
        """Hand the jobs on; what makes one impossible is that job's failure, and never ends the others."""
        from dagset.errors import InvalidNode
        from snakemake_executor_plugin_jobset.following import bug
        from snakemake_executor_plugin_jobset.jobs import Ending

        if self._maker is None or self._collector is None:
            raise WorkflowError("jobset: a job came before the executor was set up")
        members: list[Member] = []
        for job in jobs:
            info = SubmittedJobInfo(job)
            try:
                member = self._maker.member(self._asked(job))
            except (InvalidNode, WorkflowError) as error:
                self._report(info, Ending("fail", str(error)))
                continue
            except Exception as error:  # noqa: BLE001  raised, it would cancel the whole workflow
                self._report(info, bug(error))
                continue
            info.aux = {"member": member}
            info.external_jobid = member.identity.key
            members.append(member)
            if self.executor_settings.render is None:
                self.report_job_submission(info)
        if self.executor_settings.render is not None and self._shared is not None and members:
            self._render(members, self._shared.start)
        self._collector.add(members)

    def _render(self, members: "list[Member]", start: "Start") -> NoReturn:
        """Write manifests, and end: Snakemake would wait for the jobs."""
        from dagset.errors import DagsetError
        from snakemake_executor_plugin_jobset.rendering import written

        try:
            raise WorkflowError(f"jobset: {written(self.executor_settings, members, start=start)}")
        except DagsetError as error:
            raise WorkflowError(f"jobset: {error}") from None

    async def check_active_jobs(self, active_jobs: list[Any]) -> AsyncGenerator[Any, None]:
        """Report the jobs that have ended, give back the others. Asks nobody: the threads are told by the cluster."""
        for info in active_jobs:
            member: Member = info.aux["member"]
            if member.ending is None:
                yield info
                continue
            info.external_jobid = member.ref or member.identity.key
            self._report(info, member.ending, log=member.log)

    def _report(self, info: Any, ending: "Ending", *, log: Path | None = None) -> None:
        if ending.verdict == "success":
            self.report_job_success(info)
            return
        if ending.verdict == "fail" and hasattr(info.job, "restart_times"):
            # Outside the interface, which has no other way to say that a retry would be in vain: the last attempt.
            info.job.attempt = info.job.restart_times + 1
        if info.job.is_group():
            self.logger.error(ending.message)  # of a group's error, Snakemake shows everything but this
        self.report_job_error(info, msg=f"{ending.message}\n", aux_logs=[str(log)] if log else [])

    async def sleep(self) -> None:
        """Wait until a job has ended; nothing else runs in this thread's loop."""
        if self._shared is None:
            await asyncio.sleep(0.1)
            return
        self._shared.news.wait(self.next_seconds_between_status_checks)
        self._shared.news.clear()

    def cancel_jobs(self, active_jobs: list[Any]) -> None:  # noqa: ARG002  empty while a check is running
        """Cancel every node of ours, and return when they are gone; with `detach` they run on."""
        if self._collector is None or self._shared is None:
            return
        running = self._collector.stop()
        self._shared.stop.set()
        if running:
            what = "leaving" if self._shared.detach else "cancelling"
            nodes = "1 node" if len(running) == 1 else f"{len(running)} nodes"
            self.logger.info(f"jobset: {what} {nodes} (Ctrl-C once more to stop waiting)")
        for thread in running:
            thread.join()

    def shutdown(self) -> None:
        """End; nodes that still run (Snakemake shuts down like this on an error of its own) are cancelled."""
        if self._collector is not None:
            self._collector.let_finish()
        self.cancel_jobs([])
        self.wait = False
        if self._shared is not None:
            self._shared.news.set()
        super().shutdown()

    def _asked(self, job: Any) -> "Asked":
        """Return what is read of a job; its task is the same in every run, so that a later one finds what runs."""
        from snakemake_executor_plugin_jobset.bare import bare_of
        from snakemake_executor_plugin_jobset.making import Asked

        bare = bare_of(job, self.workflow, settings=self.executor_settings, folder=self._workdir)
        if bare is not None and self.executor_settings.render is None:
            self._prepare(job)
        return Asked(
            name=job.name,
            task=" ".join(sorted(encode_target_jobs_cli_args(job.get_target_spec()))),  # a group's come in any order
            command="" if bare else self.format_job_exec(job),
            threads=job.threads,
            resources=dict(job.resources.items()),
            container="" if job.is_group() else getattr(job, "container_img_url", None) or "",
            bare=bare,
        )

    def _prepare(self, job: Any) -> None:
        """Do here what a bare job's pod leaves to Snakemake and what does no harm to one that runs already."""
        self.workflow.async_run(job.check_protected_output())
        for file in (*job.output, *job.log):
            file.prepare()  # makes its folder

    def get_job_exec_prefix(self, job: Any) -> str:  # noqa: ARG002  the interface's
        """Go where the files are, with the tools beside this Python first, as far as both are shared."""
        shared = self.workflow.storage_settings.shared_fs_usage
        steps = []
        if SharedFSUsage.INPUT_OUTPUT in shared:
            steps.append(f"cd {shlex.quote(str(self.workflow.workdir_init))}")
        if SharedFSUsage.SOFTWARE_DEPLOYMENT in shared:
            steps.append(f'export PATH={shlex.quote(str(Path(sys.executable).parent))}:"$PATH"')
        return " && ".join(steps)

    def get_job_args(self, job: Any) -> str:
        """Return the job's part of the command."""
        args = super().get_job_args(job)
        return args if job.is_group() else f"{args} {NO_IDLE_SECOND}"

    def additional_general_args(self) -> str:
        """Return what every command has besides."""
        return IN_THE_POD
