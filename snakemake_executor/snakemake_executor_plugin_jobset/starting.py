"""What is done once before the first job: what cannot work is refused, and the cluster is opened."""

import os
import socket
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from snakemake_interface_executor_plugins.settings import SharedFSUsage

from dagset.cluster.protocol import Cluster
from dagset.cluster.weather import with_patience
from dagset.run.connect import describe, shares_our_files
from snakemake_executor_plugin_jobset import options, resources, words
from snakemake_executor_plugin_jobset.bare import refuse_rule
from snakemake_executor_plugin_jobset.collecting import Collector
from snakemake_executor_plugin_jobset.following import Followers
from snakemake_executor_plugin_jobset.grouping import Rules
from snakemake_executor_plugin_jobset.making import Asked, Maker
from snakemake_executor_plugin_jobset.settings import ExecutorSettings
from snakemake_executor_plugin_jobset.table import Start

__all__ = ["maker_for", "rules_of", "started"]

PATIENCE_S = 30.0
LOGS = Path(".snakemake", "jobset_logs")


def started(
    settings: ExecutorSettings,
    workflow: Any,
    *,
    cluster: Cluster,
    workdir: Path,
    envvars: tuple[str, ...],
    python: str,
    setup: str,
    tell: Callable[[str], None],
) -> tuple[Maker, Followers, Collector]:
    """Return who makes nodes of jobs, what their followers share, and the running collector.

    Raises:
        DagsetError: an option, a node file or a rule says what cannot be.
    """
    maker = maker_for(settings, workflow, cluster=cluster, workdir=workdir, envvars=envvars, tell=tell)
    tell(f"jobset: jobs run on {describe(cluster)}")
    shared = Followers(
        cluster=cluster,
        logs=LOGS.absolute(),
        tell=tell,
        run_again=lambda member: collector.add([member]),
        start=Start(python=python, setup=setup, logs=LOGS.absolute() if maker.shared else None),
        detach=settings.detach,
    )
    collector = Collector(shared, rules_of(settings))
    collector.start()
    return maker, shared, collector


def rules_of(settings: ExecutorSettings) -> Rules:
    """Return how arrays are made."""
    limit = settings.array_limit if settings.arrays == "on" else 1
    return Rules(limit=max(1, limit), window_s=settings.array_window)


def maker_for(
    settings: ExecutorSettings,
    workflow: Any,
    *,
    cluster: Cluster,
    workdir: Path,
    envvars: tuple[str, ...],
    tell: Callable[[str], None],
) -> Maker:
    """Return who makes nodes of jobs; refuses what no job could run with."""
    # Outside the interface: without `rules`, a bad word is refused when its first job comes.
    rules = list(getattr(workflow, "rules", ()))
    for rule in rules:
        words.refuse_resources(rule.resources, rule=rule.name)
        if words.BARE in rule.resources and rule.resources[words.BARE] == "on":
            refuse_rule(rule, workflow, settings=settings)
    maker = Maker(
        settings=settings,
        identity=options.workflow_identity(
            run_id=settings.run_id,
            snakefile=str(workflow.main_snakefile),
            user=f"{os.getuid()}@{socket.gethostname()}",
            workdir=str(workdir),
        ),
        image=workflow.remote_execution_settings.container_image,
        folder=Path(workflow.main_snakefile).parent,
        workdir=_to_be_mounted(workflow, workdir, cluster),
        shared=SharedFSUsage.INPUT_OUTPUT in workflow.storage_settings.shared_fs_usage,
        envvars=envvars,
        defaults=words.file_words(Path(settings.node)) if settings.node else {},
    )
    _refuse_unmounted(maker, rules)
    if ignored := resources.unused(name for rule in rules for name in rule.resources):
        are, change = ("is", "changes") if len(ignored) == 1 else ("are", "change")
        tell(f"jobset: {', '.join(ignored)} of the rules' resources {are} Slurm's, and {change} nothing here")
    return maker


def _to_be_mounted(workflow: Any, workdir: Path, cluster: Cluster) -> str | None:
    """Return the folder that pods have to find at its place; None where they do by themselves, or need not."""
    if not {SharedFSUsage.INPUT_OUTPUT, SharedFSUsage.SOURCES} & set(workflow.storage_settings.shared_fs_usage):
        return None
    is_there = with_patience(lambda: shares_our_files(cluster), limit_s=PATIENCE_S)
    return None if is_there else str(workdir)


def _refuse_unmounted(maker: Maker, rules: Iterable[Any]) -> None:
    """Refuse before the start what no job could find, unless a rule's own node file may mend it."""
    own_files = any(words.NODE_FILE in rule.resources for rule in rules)
    if maker.workdir is not None and not own_files:
        image = {"jobset_image": "any"}  # of which this does not speak
        node = maker.node(Asked(name="any", task="", command="true", threads=1, resources=image))
        options.refuse_unmounted(maker.workdir, node)
