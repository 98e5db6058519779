"""How the processes of a gang find each other: one table of frameworks, and the variables that each reads."""

from collections.abc import Mapping
from typing import Any

from dagset.compile.rendezvous.framework import Framework, Pods
from dagset.compile.rendezvous.jax import JAX
from dagset.compile.rendezvous.torch import TORCH
from dagset.errors import InvalidNode
from dagset.model import DagNode, Role

__all__ = ["FRAMEWORKS", "rendezvous_env"]

FRAMEWORKS: Mapping[str, Framework] = {"torch": TORCH, "jax": JAX}


def rendezvous_env(node: DagNode, role: Role, *, name: str) -> list[dict[str, Any]]:
    """Return the variables of the node's framework as entries of a pod's env, none without a rendezvous.

    They may use $(DAGSET_...), which stand before them. `name` is the owner's.

    Raises:
        InvalidNode: the framework cannot be run as this node, or a variable of the user's is one that it reads.
    """
    if node.rendezvous == "none":
        return []
    framework = FRAMEWORKS[node.rendezvous]
    framework.check(node)
    told = framework.values(Pods(node, role, name))
    for variable in told:
        if variable in role.env:
            problem = f"is set by rendezvous: {node.rendezvous}"
            raise InvalidNode(problem, field=f"env[{variable!r}]", remedy="remove it, or write rendezvous: none")
    return [{"name": variable, "value": value} for variable, value in told.items()]
