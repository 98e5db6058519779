"""Snakemake executor plugin `jobset`: each job is one dagset node, on the local cluster or any Kubernetes.

Snakemake imports this at every start, whichever executor is used: nothing but its own interface is imported here.
"""

import asyncio
import os
import shlex
import socket
import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snakemake_interface_common.exceptions import WorkflowError
from snakemake_interface_executor_plugins.executors.base import SubmittedJobInfo
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor
from snakemake_interface_executor_plugins.settings import SharedFSUsage
from snakemake_interface_executor_plugins.utils import encode_target_jobs_cli_args

from snakemake_executor_plugin_jobset.settings import ExecutorSettings, common_settings

if TYPE_CHECKING:
    from dagset.model import DagNode, Identity
    from snakemake_executor_plugin_jobset.following import Ending, JobThread

__all__ = ["Executor", "ExecutorSettings", "common_settings"]

LOGS = Path(".snakemake", "jobset_logs")
# A rule's own `retries` would be read, and obeyed, again inside the pod: this makes them 0 there. Its list of rules is
# empty (all), which another option has to end. What the inner Snakemake says of itself would bury the job's own lines.
IN_THE_POD = "--quiet host progress reason rules --preemptible-rules --preemptible-retries 0"
# The rate limiter keeps an ended Snakemake alive for a second; one job needs none, a group's jobs wait for cores.
NO_IDLE_SECOND = "--max-jobs-per-timespan 1000/0s"


class Executor(RemoteExecutor):  # type: ignore[misc]  # the interface ships no types
    """Gives each job a thread that runs its node, and tells Snakemake how they end."""

    def __init__(self, workflow: Any, logger: Any) -> None:
        self._threads: set[JobThread] = set()
        self._shared: Any = None  # before super: its status thread runs already while the rest is set up
        self._workdir = Path.cwd()
        super().__init__(workflow, logger)

    def __post_init__(self) -> None:
        """Refuse what no job could run with, and say where jobs will run."""
        from dagset.errors import DagsetError
        from dagset.run.connect import describe, open_cluster
        from snakemake_executor_plugin_jobset.following import Followers
        from snakemake_executor_plugin_jobset.words import file_words, refuse_resources

        settings: ExecutorSettings = self.executor_settings
        try:
            # Outside the interface: without `rules`, a bad word is refused when its first job comes.
            for rule in getattr(self.workflow, "rules", ()):
                refuse_resources(rule.resources, rule=rule.name)
            self._defaults = file_words(Path(settings.node)) if settings.node else {}
            cluster = open_cluster(settings.cluster, namespace=settings.namespace)
        except DagsetError as error:
            raise WorkflowError(f"jobset: {error}") from None
        self._shared = Followers(cluster=cluster, logs=LOGS.absolute(), tell=self.logger.info)
        self.logger.info(f"jobset: jobs run on {describe(cluster)}")

    def run_job(self, job: Any) -> None:
        """Start the job's node; what makes it impossible is the job's failure, and never ends the other jobs."""
        from dagset.errors import InvalidNode
        from snakemake_executor_plugin_jobset.following import Ending, JobThread

        info = SubmittedJobInfo(job)
        try:
            thread = JobThread(self._node(job), self._identity(job), rule=job.name, shared=self._shared)
        except InvalidNode as error:
            self._report(info, Ending("fail", str(error)))
            return
        except Exception as error:  # noqa: BLE001  raised, it would cancel the whole workflow
            self._report(info, Ending("fail", f"bug in the jobset executor: {type(error).__name__}: {error}"))
            return
        info.aux = {"thread": thread}
        info.external_jobid = thread.key
        self._threads.add(thread)
        thread.start()
        self.report_job_submission(info)

    async def check_active_jobs(self, active_jobs: list[Any]) -> AsyncGenerator[Any, None]:
        """Report the jobs that have ended, give back the others. Asks nobody: the threads are told by the cluster."""
        for info in active_jobs:
            thread: JobThread = info.aux["thread"]
            if thread.ending is None:
                yield info
                continue
            self._threads.discard(thread)
            info.external_jobid = str(thread.ref or thread.key)
            self._report(info, thread.ending, log=thread.log)

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
        """Cancel every node of ours, and return when they are gone."""
        if self._shared is None:
            return
        self._shared.stop.set()
        running = [thread for thread in list(self._threads) if thread.is_alive()]
        if running:
            self.logger.info(f"jobset: cancelling {len(running)} nodes (Ctrl-C once more to stop waiting)")
        for thread in running:
            thread.join()

    def shutdown(self) -> None:
        """End; nodes that still run (Snakemake shuts down like this on an error of its own) are cancelled."""
        self.cancel_jobs([])
        self.wait = False
        if self._shared is not None:
            self._shared.news.set()
        super().shutdown()

    def _node(self, job: Any) -> "DagNode":
        from dagset.model import dns_safe
        from snakemake_executor_plugin_jobset import words

        resources = dict(job.resources.items())
        words.refuse_resources(resources, rule=job.name)
        basic = {
            "name": dns_safe(job.name, default="job"),
            "image": self.workflow.remote_execution_settings.container_image,
        }
        options = self.executor_settings
        name = resources.get(words.NODE_FILE)
        path = Path(self.workflow.main_snakefile).parent / name if name else None
        layers = {
            "Snakemake": basic | words.snakemakes_words(threads=job.threads, resources=resources),
            str(options.node): self._defaults,
            "--jobset-image": {"image": options.image} if options.image else {},
            str(path): words.file_words(path) if path else {},
            f"rule {job.name}": words.ruled_words(resources),
        }
        node = words.job_node(layers.values(), sources=list(layers), command=self.format_job_exec(job))
        words.refuse_unpassed(self.envvars(), node)
        return node

    def _identity(self, job: Any) -> "Identity":
        """Return the same for the same job in every run of the workflow, so that a later run finds what still runs."""
        from dagset.model import Identity

        owner = f"snakemake:{os.getuid()}@{socket.gethostname()}:{self._workdir}"
        task = " ".join(sorted(encode_target_jobs_cli_args(job.get_target_spec())))  # a group's come in any order
        return Identity(owner=owner, dag=str(self.workflow.main_snakefile), task=task)

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
