"""What jobs that are ready would be in the cluster, as manifests: nothing is created."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from dagset.compile import compile_node
from dagset.compile.render import render_yaml
from dagset.errors import InvalidNode
from dagset.model import DagNode, Identity
from snakemake_executor_plugin_jobset.grouping import Rules, array_of, due, joined, split
from snakemake_executor_plugin_jobset.jobs import Member
from snakemake_executor_plugin_jobset.settings import ExecutorSettings
from snakemake_executor_plugin_jobset.starting import rules_of
from snakemake_executor_plugin_jobset.table import Start, chunks
from snakemake_executor_plugin_jobset.words import with_command

__all__ = ["manifests", "written"]


def manifests(members: Sequence[Member], rules: Rules, *, start: Start) -> Iterator[str]:
    """Yield the YAML documents of each node that the jobs would be: arrays of what is alike, the others alone."""
    groups, _ = due(list(joined({}, members, rules, now=0.0).values()), rules, now=math.inf)
    for part in (part for group in groups for part in split(group)):
        node, identity = _alone(part[0]) if len(part) == 1 else array_of(chunks(part), start=start)
        yield render_yaml(compile_node(node, identity.with_generation(1)))


def _alone(member: Member) -> tuple[DagNode, Identity]:
    return with_command(member.node, member.command), member.identity


def written(settings: ExecutorSettings, members: Sequence[Member], *, start: Start) -> str:
    """Write them into the file that the settings name; return what to tell a person.

    Raises:
        InvalidNode: it cannot be written.
    """
    texts, path = list(manifests(members, rules_of(settings), start=start)), Path(settings.render or "")
    try:
        path.write_text("---\n".join(texts))
    except OSError as error:
        raise InvalidNode(f"cannot write {path}: {error.strerror}", field="--jobset-render") from None
    nodes, jobs = (f"{len(of)} {word}{'s' * (len(of) != 1)}" for of, word in ((texts, "node"), (members, "job")))
    return f"rendered, and nothing was run: {path} has {nodes} for the {jobs} that would start now"
