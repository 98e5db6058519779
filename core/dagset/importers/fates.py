"""What becomes of one option, where its value or the site decides more than the table of options does."""

from collections.abc import Callable
from typing import NamedTuple

from dagset.importers.dependencies import dependency_words
from dagset.importers.getopt import Given
from dagset.importers.options import How
from dagset.importers.request import Request
from dagset.importers.site import Site

__all__ = ["Told", "fate_of"]


class Told(NamedTuple):
    """How an option fares, and what it becomes."""

    how: How
    becomes: str


def fate_of(given: Given, request: Request, site: Site) -> Told:
    """Return what becomes of an option that counts and that sbatch has."""
    assert given.option is not None
    usual = Told(given.option.how, given.option.becomes)
    if (words := site.words_for(given.name, given.value)) is not None:
        return Told("mapped", f"as the site file says: {', '.join(words) or 'nothing'}")
    special = SPECIAL.get(given.name)
    return (special(given, request, site) if special else None) or usual


def _nodes(given: Given, request: Request, _site: Site) -> Told | None:  # noqa: ARG001
    if request.nodes_max == request.nodes:
        return None
    return Told("approximated", f"`pods: {request.nodes}`, the least of the range; a gang has a fixed size")


def _memory(given: Given, request: Request, _site: Site) -> Told | None:  # noqa: ARG001
    if request.memory is None or request.memory[1]:
        return None
    return Told("dropped", "nothing: 0 is all memory of a host, which a pod cannot ask for; say how much")


def _gpus(given: Given, request: Request, site: Site) -> Told | None:
    if request.gpus is None:
        return Told("dropped", "nothing: dagset knows GPUs alone; others need `object_patch` or `pod_patch`")
    kind = request.gpus[1].kind
    if request.other_gres and given.name == "gres":
        return Told("approximated", f"`gpu`; not {', '.join(request.other_gres)}")
    if kind and site.words_for("gpu", kind) is None:
        return Told(
            "approximated", f"`gpu` of any type: the site file does not say what {kind} is (gpu: {{{kind}: ...}})"
        )
    return None


def _export(given: Given, _request: Request, _site: Site) -> Told | None:
    names = [part for part in (given.value or "").split(",") if "=" not in part and part not in ("NONE", "NIL", "")]
    return None if names else Told("mapped", "`env`; nothing else of the submitter's environment")


def _chdir(given: Given, _request: Request, _site: Site) -> Told | None:
    if (given.value or "").startswith("/"):
        return None
    return Told("dropped", "nothing: a pod has no folder of submission; give an absolute path")


def _signal(_given: Given, request: Request, _site: Site) -> Told | None:
    return None if request.minutes else Told("approximated", "nothing: without --time there is no end to be warned of")


def _image(given: Given, _request: Request, _site: Site) -> Told | None:
    if not (given.value or "").startswith(("/", "./")) and not (given.value or "").endswith(".sqsh"):
        return None
    return Told("dropped", "nothing: a squashfs file is no image of a registry; give --image")


def _dependency(given: Given, _request: Request, _site: Site) -> Told | None:
    return Told("dropped", dependency_words(given.value or ""))


SPECIAL: dict[str, Callable[[Given, Request, Site], Told | None]] = {
    "nodes": _nodes,
    "mem": _memory,
    "gres": _gpus,
    "gpus": _gpus,
    "gpus-per-node": _gpus,
    "gpus-per-task": _gpus,
    "dependency": _dependency,
    "export": _export,
    "chdir": _chdir,
    "container-workdir": _chdir,
    "signal": _signal,
    "container-image": _image,
}
