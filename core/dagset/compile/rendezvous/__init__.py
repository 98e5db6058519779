"""How the processes of a gang find each other: the variables that each framework reads, as entries of a pod's env."""

from collections.abc import Callable
from typing import Any

from dagset.compile.rendezvous.jax import jax_env
from dagset.compile.rendezvous.torch import torch_env
from dagset.errors import InvalidNode
from dagset.model import DagNode, Role

__all__ = ["rendezvous_env"]

Env = list[dict[str, Any]]
FRAMEWORKS: dict[str, Callable[[Role, str], Env]] = {"torch": torch_env, "jax": jax_env}


def rendezvous_env(node: DagNode, role: Role, *, coordinator: str) -> Env:
    """Return the variables of the node's framework, none without a rendezvous.

    `coordinator` is the host name of index 0. The entries may use $(DAGSET_...), which stand before them.

    Raises:
        InvalidNode: several roles, or a variable of the user's of the same name.
    """
    if node.rendezvous == "none":
        return []
    if len(node.roles) > 1:
        problem = f"{node.rendezvous} ranks the pods of one role, this node has {len(node.roles)}"
        raise InvalidNode(problem, field="rendezvous", remedy="give one role, or set the framework's variables in env")
    entries = FRAMEWORKS[node.rendezvous](role, coordinator)
    for entry in entries:
        if entry["name"] in role.env:
            problem = f"is set by rendezvous: {node.rendezvous}"
            raise InvalidNode(problem, field=f"env[{entry['name']!r}]", remedy="remove it, or write rendezvous: none")
    return entries
