"""What a user can say about a node, and whose node it is. Pure, but for `load`, which reads the user's files."""

from dagset.model.identity import Identity, Ref, dns_safe, object_name
from dagset.model.loader import load, node_from, read_words
from dagset.model.node import DagNode, File, Success
from dagset.model.role import After, Role
from dagset.model.volume import EnvFrom, Volume

__all__ = [
    "DagNode",
    "Role",
    "After",
    "Volume",
    "EnvFrom",
    "File",
    "Success",
    "Identity",
    "Ref",
    "load",
    "node_from",
    "read_words",
    "dns_safe",
    "object_name",
]
