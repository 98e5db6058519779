"""From a Snakemake job, the options and the node files to the job on its way: a Member."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dagset.errors import InvalidNode
from dagset.model import DagNode, Identity, dns_safe
from snakemake_executor_plugin_jobset import options, words
from snakemake_executor_plugin_jobset.bare import Bare
from snakemake_executor_plugin_jobset.grouping import is_lone
from snakemake_executor_plugin_jobset.jobs import Member
from snakemake_executor_plugin_jobset.resources import snakemakes_words
from snakemake_executor_plugin_jobset.settings import ExecutorSettings

__all__ = ["Asked", "Maker"]

LARGEST_CHUNK = 500
REGISTRY = "docker://"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is read of a Snakemake job; `task` says which it is, in any run of the workflow.

    `container` is what its rule says as `container:`, "" when it says nothing; a `bare` one has its command there.
    """

    name: str
    task: str
    command: str
    threads: int
    resources: Mapping[str, Any]
    container: str = ""
    bare: Bare | None = None


@dataclass(frozen=True, slots=True)
class Maker:
    """What is the same for all jobs of a run.

    `image` is Snakemake's own, `folder` what node files of rules are relative to, `workdir` the folder that has to be
    in a volume, None where it need not be; `envvars` are the names that `envvars:` declares. `shared`: pods find the
    working directory, and can write logs there.
    """

    settings: ExecutorSettings
    identity: Identity
    image: str
    folder: Path
    workdir: str | None
    shared: bool = True
    envvars: tuple[str, ...] = ()
    defaults: words.Words = field(default_factory=dict)
    _made: dict[tuple[str, int, str], tuple[DagNode, bool]] = field(default_factory=dict)

    def member(self, asked: Asked) -> Member:
        """Return the job with the node that it is.

        Raises:
            InvalidNode: naming what was said wrong, and where.
        """
        node, groupable = self._checked(asked)
        member = Member(
            task=asked.task,
            rule=asked.name,
            command=asked.command,
            node=node,
            identity=replace(self.identity, task=asked.task),
            groupable=groupable,
            chunk=self._chunk(asked),
        )
        if asked.bare is not None:
            once = words.runs_once(node)
            member.bare, member.command = True, asked.bare.script(clears=once)
            member.before = member.before if once else asked.bare.clear
        return member

    def _checked(self, asked: Asked) -> tuple[DagNode, bool]:
        """Return the node and whether it may be one of many; made once for all jobs that ask for the same."""
        rest = (sorted(asked.resources.items()), asked.container, asked.bare is not None)
        key = (asked.name, asked.threads, repr(rest))
        if key not in self._made:
            self._made[key] = self._made_new(asked)
        return self._made[key]

    def _made_new(self, asked: Asked) -> tuple[DagNode, bool]:
        words.refuse_resources(asked.resources, rule=asked.name)
        node = self.node(asked)
        words.refuse_unpassed(self.envvars, node)
        if self.workdir is not None:
            options.refuse_unmounted(self.workdir, node)
        grouped = words.switch(asked.resources, words.ARRAY, rule=asked.name, default="on")
        return node, self.settings.arrays == "on" and grouped == "on" and not is_lone(node)

    def _chunk(self, asked: Asked) -> int:
        """Return how many jobs of this kind share a pod; each writes its log to what is shared with the pods."""
        chunk = asked.resources.get(words.CHUNK, self.settings.chunk)
        if not isinstance(chunk, int) or not 1 <= chunk <= LARGEST_CHUNK:
            remedy = f"write a number from 1 to {LARGEST_CHUNK}"
            raise InvalidNode(f"{chunk!r} is no number of jobs", field=words.CHUNK, remedy=remedy)
        if chunk > 1 and not self.shared:
            problem, remedy = "jobs that share a pod write their logs to a shared working directory", "leave it 1"
            raise InvalidNode(problem, field=words.CHUNK, remedy=remedy)
        return chunk

    def node(self, asked: Asked) -> DagNode:
        """Return the node of a job by itself, before it has its command; the later layers win, word by word."""
        basic = {"name": dns_safe(asked.name, default="job"), "image": self.image}
        file = asked.resources.get(words.NODE_FILE)
        path = self.folder / file if file else None
        layers = {
            "Snakemake": basic
            | snakemakes_words(threads=asked.threads, resources=asked.resources, overhead_mb=self._overhead_mb(asked)),
            str(self.settings.node): self.defaults,
            **options.option_words(self.settings),
            f"container of rule {asked.name}": self._image(asked),
            str(path): words.file_words(path) if path else {},
            f"rule {asked.name}": words.ruled_words(asked.resources),
        }
        return words.job_node(
            layers.values(),
            sources=list(layers),
            command="true",
            volumes=options.volumes_of(self.settings.volumes),
            in_all=asked.resources.get(words.BARE) == "on",
        )

    def _overhead_mb(self, asked: Asked) -> int:
        return self.settings.overhead_mb if asked.bare is None else 0

    def _image(self, asked: Asked) -> words.Words:
        """Return the image that the rule names as its container, if it is asked for and the cluster can pull it."""
        if not self.settings.rule_containers or not asked.container:
            return {}
        if not asked.container.startswith(REGISTRY):
            problem, remedy = f"{asked.container!r} is no image of a registry", f"write {REGISTRY}..., or jobset_image"
            raise InvalidNode(problem, field="container", source=f"rule {asked.name}", remedy=remedy)
        return {"image": asked.container.removeprefix(REGISTRY)}
