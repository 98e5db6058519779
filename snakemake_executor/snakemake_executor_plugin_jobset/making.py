"""From a Snakemake job, the options and the node files to the job on its way: a Member."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dagset.errors import InvalidNode
from dagset.model import DagNode, Identity, dns_safe
from snakemake_executor_plugin_jobset import options, words
from snakemake_executor_plugin_jobset.grouping import is_lone
from snakemake_executor_plugin_jobset.jobs import Member
from snakemake_executor_plugin_jobset.resources import snakemakes_words
from snakemake_executor_plugin_jobset.settings import ExecutorSettings

__all__ = ["Asked", "Maker"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What is read of a Snakemake job; `task` says which it is, in any run of the workflow."""

    name: str
    task: str
    command: str
    threads: int
    resources: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Maker:
    """What is the same for all jobs of a run.

    `image` is Snakemake's own, `folder` what node files of rules are relative to, `workdir` the folder that has to be
    in a volume, None where it need not be; `envvars` are the names that `envvars:` declares.
    """

    settings: ExecutorSettings
    identity: Identity
    image: str
    folder: Path
    workdir: str | None
    envvars: tuple[str, ...] = ()
    defaults: words.Words = field(default_factory=dict)
    _made: dict[tuple[str, int, str], tuple[DagNode, bool]] = field(default_factory=dict)

    def member(self, asked: Asked) -> Member:
        """Return the job with the node that it is.

        Raises:
            InvalidNode: naming what was said wrong, and where.
        """
        node, groupable = self._checked(asked)
        return Member(
            task=asked.task,
            rule=asked.name,
            command=asked.command,
            node=node,
            identity=replace(self.identity, task=asked.task),
            groupable=groupable,
        )

    def _checked(self, asked: Asked) -> tuple[DagNode, bool]:
        """Return the node and whether it may be one of many; made once for all jobs that ask for the same."""
        key = (asked.name, asked.threads, repr(sorted(asked.resources.items())))
        if key not in self._made:
            self._made[key] = self._made_new(asked)
        return self._made[key]

    def _made_new(self, asked: Asked) -> tuple[DagNode, bool]:
        words.refuse_resources(asked.resources, rule=asked.name)
        node = self.node(asked)
        words.refuse_unpassed(self.envvars, node)
        if self.workdir is not None:
            options.refuse_unmounted(self.workdir, node)
        grouped = asked.resources.get(words.ARRAY, "on")
        if grouped not in ("on", "off"):
            problem, remedy = f"{grouped!r} is neither on nor off", "write jobset_array='off'"
            raise InvalidNode(problem, field=words.ARRAY, source=f"rule {asked.name}", remedy=remedy)
        return node, self.settings.arrays == "on" and grouped == "on" and not is_lone(node)

    def node(self, asked: Asked) -> DagNode:
        """Return the node of a job by itself, before it has its command; the later layers win, word by word."""
        basic = {"name": dns_safe(asked.name, default="job"), "image": self.image}
        file = asked.resources.get(words.NODE_FILE)
        path = self.folder / file if file else None
        layers = {
            "Snakemake": basic | snakemakes_words(threads=asked.threads, resources=asked.resources),
            str(self.settings.node): self.defaults,
            **options.option_words(self.settings),
            str(path): words.file_words(path) if path else {},
            f"rule {asked.name}": words.ruled_words(asked.resources),
        }
        return words.job_node(
            layers.values(),
            sources=list(layers),
            command="true",
            volumes=options.volumes_of(self.settings.volumes or ()),
        )
