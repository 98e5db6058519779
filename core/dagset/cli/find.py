"""From what a person types, NODE (a file) or NAME (an object), to the node in the cluster."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dagset import constants
from dagset.cli.options import node_identity
from dagset.errors import NotFound, NotOurs

if TYPE_CHECKING:
    from dagset.cluster.protocol import Cluster
    from dagset.model import Ref
    from dagset.observe import Observation, Outcome

__all__ = ["Target", "first_sight", "ref_to", "target_of"]

Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Target:
    """What is looked for: an object by its name, or the newest generation of a file's identity."""

    typed: str
    name: str = ""
    identity_key: str = ""

    def find(self, *, cluster: "Cluster", namespace: str) -> Manifest | None:
        """Return the Job or JobSet, None if there is none.

        Raises:
            NotOurs: the object of that name was not made by dagset.
        """
        from dagset.run.owners import newest

        if self.identity_key:
            return newest({constants.IDENTITY: self.identity_key}, cluster=cluster, namespace=namespace)
        return _by_name(self.name, cluster=cluster, namespace=namespace)

    def find_or_exit(self, *, cluster: "Cluster", namespace: str) -> Manifest:
        """Return the same, but end the command with exit code 1 and a sentence if there is none."""
        owner = self.find(cluster=cluster, namespace=namespace)
        if owner is None:
            click.echo(f"dagset: {self.absence(namespace)}", err=True)
            click.get_current_context().exit(1)
        return owner

    def absence(self, namespace: str) -> str:
        """Return the sentence for a search without a result."""
        if self.identity_key:
            return f"nothing of {self.typed} is in namespace {namespace}: not run yet, cancelled, or gone by its ttl"
        return f"no node {self.typed} in namespace {namespace}; `dagset list` shows what is there"


def target_of(typed: str) -> Target:
    """Return what is meant; asks no cluster. Object names hold neither slash nor dot, and files come first.

    Raises:
        InvalidNode: the file describes no node.
    """
    if "/" not in typed and "." not in typed and not Path(typed).is_file():
        return Target(typed, name=typed)
    from dagset.cli.import_sbatch import task_of

    return Target(typed, identity_key=node_identity(typed, task=task_of(typed)).key)


def ref_to(outcome: "Outcome") -> "Ref":
    """Return where the object is that an Outcome tells of."""
    from dagset.model import Ref

    return Ref(kind=outcome.kind, namespace=outcome.namespace, name=outcome.name, uid=outcome.uid)


def first_sight(owner: Manifest) -> "Observation":
    """Return what an object alone tells of its node."""
    from dagset.observe import Change, Observation, observe

    empty = Observation.empty("JobSet" if owner["kind"] == "JobSet" else "Job")
    return observe(empty, Change(kind=owner["kind"], verb="ADDED", object=owner))


def _by_name(name: str, *, cluster: "Cluster", namespace: str) -> Manifest | None:
    for kind in ("JobSet", "Job"):
        try:
            owner = {**cluster.get(kind, namespace=namespace, name=name), "kind": kind}
        except NotFound:
            continue
        if _labels(owner).get(constants.MANAGED_BY) != "dagset" or constants.JOBSET_NAME in _labels(owner):
            raise NotOurs(f"{kind} {namespace}/{name} is no node of dagset; look at it with kubectl")
        return owner
    return None


def _labels(owner: Manifest) -> dict[str, str]:
    labels: dict[str, str] = owner["metadata"].get("labels") or {}
    return labels
