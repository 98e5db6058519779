"""The shape of the table's rows: what a framework reads, who says so, and what it asks of a node."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from dagset.compile.rendezvous.hosts import coordinator, host_name
from dagset.errors import InvalidNode
from dagset.model import DagNode, Role

__all__ = ["Framework", "Pods", "one_role"]


@dataclass(frozen=True, slots=True)
class Pods:
    """The pods of one role, and how each pod of the node is found; `name` is the owner's."""

    node: DagNode
    role: Role
    name: str

    @property
    def coordinator(self) -> str:
        """The host name that DAGSET_COORDINATOR says."""
        return coordinator(self.node, name=self.name)

    def host(self, role: Role, index: int | str = 0) -> str:
        """Return the host name of one pod; an index of "$(DAGSET_INDEX)" is the reading pod's own."""
        return host_name(self.node, role, name=self.name, index=index)


def one_role(node: DagNode) -> None:
    """Refuse several roles, for a framework that ranks all pods alike."""
    if len(node.roles) > 1:
        problem = f"{node.rendezvous} ranks the pods of one role, this node has {len(node.roles)}"
        raise InvalidNode(problem, field="rendezvous", remedy="give one role, or set the framework's variables in env")


@dataclass(frozen=True, slots=True, kw_only=True)
class Framework:
    """One row of the table.

    Args:
        sources: every variable that may be set, with who reads it (repo: path). The docs show them.
        values: those that the pods of one role get. Texts may hold $(DAGSET_...), also $(DAGSET_ATTEMPT): what a
            restarted gang meets at must not be what the earlier attempt met at.
        check: raises InvalidNode for a node that the framework cannot be run as. A gang it is always.
        program: the name of a file of dagset.inpod that starts in every pod, with the first role's command as its
            arguments; it finds a secret text of this node alone beside it, in a file `token`.
    """

    sources: Mapping[str, str]
    values: Callable[[Pods], Mapping[str, str]]
    check: Callable[[DagNode], None] = one_role
    program: str | None = None
