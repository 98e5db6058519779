"""The steps of a run: open a cluster, submit, follow, release or cancel. Each takes the Cluster it works on."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dagset.run.connect import open_cluster
    from dagset.run.follow import follow
    from dagset.run.release import cancel, release
    from dagset.run.submit import Submitted, submit

__all__ = ["open_cluster", "submit", "Submitted", "follow", "release", "cancel"]

_HOME = {
    "open_cluster": "dagset.run.connect",
    **dict.fromkeys(("submit", "Submitted"), "dagset.run.submit"),
    **dict.fromkeys(("release", "cancel"), "dagset.run.release"),
}


def __getattr__(name: str) -> object:
    """Import what is asked for on first use: a follower needs no compiler, and a submit no log streams."""
    if name == "follow":
        return importlib.import_module("dagset.run.follow").follow
    if name not in _HOME:
        raise AttributeError(f"module 'dagset.run' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)
