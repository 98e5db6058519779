"""One DAG node, many pods: a node becomes a Kubernetes JobSet or Indexed Job, and dagset says truthfully how it ended.

The words, one per idea:

    DagNode      the user's description of one node; knows nothing of any engine or cluster
    Role         a group of identical pods in a node
    index        a pod's place in its role, 0 to pods-1
    coupling     gang: the pods need each other; array: indexes are independent
    Identity     whose node this is; gives name and labels
    Bundle       the manifests of one node: the owner (Job or JobSet) and its parts
    Cluster      the seam to the world
    Observation  what has been seen of a node so far
    Outcome      how a node ended
    phase        queued, starting, running, restarting, succeeded, failed, cancelled, vanished
    restart      Kubernetes runs pods of the same node again; retry is always the engine's word: a new node
    verdict      what an engine makes of an Outcome
    host         the machine a pod runs on
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dagset.compile import Bundle, compile_node
    from dagset.errors import DagsetError, InvalidNode
    from dagset.model import After, DagNode, EnvFrom, File, Identity, Ref, Role, Success, Volume, load
    from dagset.observe import Observation, Outcome, judge, observe

__version__ = "0.1.0"

__all__ = [
    "DagNode",
    "Role",
    "Success",
    "File",
    "Volume",
    "EnvFrom",
    "After",
    "load",
    "Identity",
    "Ref",
    "Bundle",
    "compile_node",
    "Observation",
    "observe",
    "Outcome",
    "judge",
    "run",
    "DagsetError",
    "InvalidNode",
]

_HOME = {
    **dict.fromkeys(
        ("DagNode", "Role", "Success", "File", "Volume", "EnvFrom", "After", "load", "Identity", "Ref"), "dagset.model"
    ),
    **dict.fromkeys(("Bundle", "compile_node"), "dagset.compile"),
    **dict.fromkeys(("Observation", "observe", "Outcome", "judge"), "dagset.observe"),
    **dict.fromkeys(("DagsetError", "InvalidNode"), "dagset.errors"),
}


def __getattr__(name: str) -> object:
    """Import what is asked for on first use, so that `import dagset` costs nothing and meets no client."""
    if name == "run":  # a package that may be called
        return importlib.import_module("dagset.run")
    if name not in _HOME:
        raise AttributeError(f"module 'dagset' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)
