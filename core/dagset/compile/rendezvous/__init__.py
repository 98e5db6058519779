"""How the processes of a gang find each other: one table of frameworks, and the variables that each reads."""

from collections.abc import Mapping
from importlib import resources
from typing import Any

from dagset.compile.rendezvous.dask import DASK
from dagset.compile.rendezvous.framework import Framework, Pods
from dagset.compile.rendezvous.jax import JAX
from dagset.compile.rendezvous.mpi import MPI
from dagset.compile.rendezvous.tensorflow import TENSORFLOW
from dagset.compile.rendezvous.torch import TORCH
from dagset.compile.rendezvous.xgboost import XGBOOST
from dagset.errors import InvalidNode
from dagset.model import DagNode, Role
from dagset.model.role_checks import PROGRAMS_FOLDER

__all__ = ["FRAMEWORKS", "rendezvous_command", "rendezvous_env", "rendezvous_files"]

FRAMEWORKS: Mapping[str, Framework] = {
    "torch": TORCH,
    "mpi": MPI,
    "jax": JAX,
    "dask": DASK,
    "xgboost": XGBOOST,
    "tensorflow": TENSORFLOW,
}


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
    for variable in framework.sources:
        if variable in role.env:
            problem = f"is set by rendezvous: {node.rendezvous}"
            raise InvalidNode(problem, field=f"env[{variable!r}]", remedy="remove it, or write rendezvous: none")
    return [{"name": variable, "value": value} for variable, value in told.items()]


def rendezvous_command(node: DagNode, role: Role) -> list[str]:
    """Return the command of a role's pods: its own, or that of the program that travels with the node."""
    program = FRAMEWORKS[node.rendezvous].program if node.rendezvous != "none" else None
    if program is None:
        return list(role.command)
    return ["python3", "-u", f"{PROGRAMS_FOLDER}/{program}", *role.command]


def rendezvous_files(node: DagNode) -> dict[str, str]:
    """Return the programs that travel with the node, by file name; none for most frameworks."""
    program = FRAMEWORKS[node.rendezvous].program if node.rendezvous != "none" else None
    return {} if program is None else {program: (resources.files("dagset.inpod") / program).read_text()}
