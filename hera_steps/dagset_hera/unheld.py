"""What a bare Argo resource template cannot hold, as nobody of ours follows it: refused with the remedy. Pure."""

from collections.abc import Mapping
from typing import Any

from dagset.errors import InvalidNode
from dagset_hera.parameters import PARAMETER

__all__ = ["UNHELD", "refuse_unheld"]

# Words for a follower, and Argo's own executor is none: the values that come true without one (or None), and what to do
# instead of others.
UNHELD: dict[str, tuple[tuple[object, ...], str, str]] = {
    "keep": (
        ("always",),
        "asks for somebody who reads the end and then deletes; Argo's resource template does not",
        "leave it out: the object stays until its ttl, or until the Workflow is deleted",
    ),
    "start_timeout": (
        ("15m",),
        "asks for somebody who ends pods that cannot start; Argo's resource template does not",
        "leave it out, and give deadline: it counts such time too",
    ),
    "queue_timeout": (
        (),
        "asks for somebody who watches the queue; Argo's resource template does not",
        "leave it out: deleting the Workflow ends the wait",
    ),
    "max_disruptions": (
        (20,),
        "asks for somebody who counts free restarts; Argo's resource template does not",
        "leave it out, or write on_disruption: count, which takes them from restarts",
    ),
}


def refuse_unheld(words: Mapping[str, Any]) -> None:
    """Raise InvalidNode for a word that asks for a follower; what nobody set, or comes true without one, may stand."""
    for word, (held, problem, remedy) in UNHELD.items():
        if words.get(word) not in (None, *held):
            raise InvalidNode(problem, field=word, remedy=remedy)
    _refuse_unknown_processes(words)


def _refuse_unknown_processes(words: Mapping[str, Any]) -> None:
    """Refuse a parameter for the number of accelerators where it decides which variables there are."""
    roles = words.get("roles")
    for each in (words, *(roles if isinstance(roles, list | tuple) else ())):
        gpu = each.get("gpu") if isinstance(each, Mapping) else None
        if words.get("rendezvous") == "torch" and isinstance(gpu, str) and PARAMETER.fullmatch(gpu):
            problem = f"{gpu} decides which variables rendezvous: torch sets (RANK for one process per pod)"
            raise InvalidNode(problem, field="gpu", remedy="give the number itself")
