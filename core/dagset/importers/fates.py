"""What becomes of one option, where its value or the site decides more than the table of options does."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from dagset.importers.dependencies import dependency_words
from dagset.importers.getopt import Given
from dagset.importers.options import SITE, How
from dagset.importers.request import Request
from dagset.importers.shape import Shape, counted
from dagset.importers.site import Site
from dagset.model.duration import format_duration

__all__ = ["Made", "Told", "fate_of"]

OF_TASKS = ("pods", "cpu")
# The words of a node that say what a mapped option became: shown with their values.
WORDS: dict[str, tuple[str, ...]] = {
    "nodes": ("pods",),
    **dict.fromkeys(("ntasks", "ntasks-per-node", "tasks-per-node", "ntasks-per-gpu"), OF_TASKS),
    **dict.fromkeys(("cpus-per-task", "cpus-per-gpu"), ("cpu", "cpu_limit")),
    **dict.fromkeys(("mem", "mem-per-cpu", "mem-per-gpu"), ("memory",)),
    **dict.fromkeys(("gres", "gpus", "gpus-per-node", "gpus-per-task"), ("gpu",)),
    "tmp": ("ephemeral_storage",),
    "time": ("deadline",),
    "array": ("pods", "parallelism"),
    **dict.fromkeys(("requeue", "no-requeue"), ("on_disruption",)),
    "job-name": ("name",),
    **dict.fromkeys(("chdir", "container-workdir"), ("working_dir",)),
    "container-image": ("image",),
}


# Said once for a node, by its first component.
OF_A_NODE = {"job-name", "requeue", "no-requeue", "account", "comment", "wckey"}


class Told(NamedTuple):
    """How an option fares, and what it becomes."""

    how: How
    becomes: str


@dataclass(frozen=True, slots=True)
class Made:
    """What one component of a job was made of and into; `words` are those of its role and its node;
    `is_first`: of the job's components.
    """

    request: Request
    shape: Shape
    site: Site
    words: Mapping[str, Any]
    is_first: bool = True


def fate_of(given: Given, made: Made) -> Told:
    """Return what becomes of an option that counts and that sbatch has."""
    assert given.option is not None
    if (words := made.site.words_for(given.name, given.value)) is not None:
        return Told("mapped", f"as the site file says: {', '.join(words) or 'nothing'}")
    if given.name in OF_A_NODE and not made.is_first:
        return Told("dropped", "nothing: a node has one, that of the job's first component")
    if given.name in SPECIAL and (special := SPECIAL[given.name](given, made)) is not None:
        return special
    option = given.option
    if option.becomes == SITE and given.value:
        return Told(option.how, f"nothing: a site file would say what it means, {_in_site(option.name, given.value)}")
    return Told(option.how, _shown(WORDS[given.name], made) if given.name in WORDS else option.becomes)


def _in_site(option: str, value: str) -> str:
    """Return how a site file begins to say what a value means; of a list, its first."""
    return f"{option}: {{{value.split(',', maxsplit=1)[0]}: ...}}"


def _shown(names: tuple[str, ...], made: Made) -> str:
    """Return words with their values, and for tasks how many srun starts in which pod."""
    said = ", ".join(f"`{name}: {made.words[name]}`" for name in names if name in made.words)
    if names == OF_TASKS:
        return (
            f"{said}; tasks in {'a pod' if made.shape.pods == 1 else 'the pods'}, by srun: {counted(made.shape.tasks)}"
        )
    return said or f"no `{names[0]}`"


def _nodes(_given: Given, made: Made) -> Told | None:
    if made.request.nodes_max == made.request.nodes:
        return None
    return Told("approximated", f"`pods: {made.request.nodes}`, the least of the range; a gang has a fixed size")


def _array(_given: Given, made: Made) -> Told | None:
    if made.request.array is None or made.shape.pods > 1:
        return Told("mapped", "the one task that this node is")
    ids = made.request.array.ids
    same = "" if ids[0] == 0 and ids[-1] == len(ids) - 1 else f"; index 0 is task {ids[0]}"
    last = f", index {len(ids) - 1} is task {ids[-1]}" if same and len(ids) > 1 else ""
    return Told("mapped", f"{_shown(WORDS['array'], made)}{same}{last}")


def _nodelist(given: Given, _made: Made) -> Told | None:
    if "/" not in (given.value or ""):
        return None
    return Told("dropped", "nothing: a file with names of hosts is not read; write the names")


def _memory(_given: Given, made: Made) -> Told | None:
    if made.request.memory is None or made.request.memory[1]:
        return None
    return Told("dropped", "nothing: 0 is all memory of a host, which a pod cannot ask for; say how much")


def _time(_given: Given, made: Made) -> Told | None:
    deadline, minutes = made.words.get("deadline"), made.request.minutes
    if minutes is None:
        return Told("mapped", "no `deadline`: no limit, as in Slurm")
    if deadline is None:
        return Told("dropped", "nothing: a node has one deadline, and another component has no limit")
    return None if deadline == format_duration(minutes * 60) else Told("approximated", f"`deadline: {deadline}` of all")


def _gpus(given: Given, made: Made) -> Told | None:
    request = made.request
    if request.gpus is None and not request.other_gres:
        return Told("mapped", "no `gpu`")
    if request.gpus is None:
        return Told("dropped", "nothing: dagset knows GPUs alone; others need `object_patch` or `pod_patch`")
    kind, gpu = request.gpus[1].kind, _shown(("gpu",), made)
    if request.other_gres and given.name == "gres":
        return Told("approximated", f"{gpu}; not {', '.join(request.other_gres)}")
    if kind and made.site.words_for("gpu", kind) is None:
        return Told("approximated", f"{gpu} of any type: a site file would say which, {_in_site('gpu', kind)}")
    return None


def _export(given: Given, _made: Made) -> Told | None:
    names = [part for part in (given.value or "").split(",") if "=" not in part and part not in ("NONE", "NIL", "")]
    return None if names else Told("mapped", "`env`; nothing else of the submitter's environment")


def _chdir(given: Given, _made: Made) -> Told | None:
    if (given.value or "").startswith("/"):
        return None
    return Told("dropped", "nothing: a pod has no folder of submission; give an absolute path")


def _signal(_given: Given, made: Made) -> Told | None:
    if made.request.minutes:
        return None
    return Told("approximated", "nothing: without --time there is no end to be warned of")


def _image(given: Given, _made: Made) -> Told | None:
    if not (given.value or "").startswith(("/", "./")) and not (given.value or "").endswith(".sqsh"):
        return None
    return Told("dropped", "nothing: a squashfs file is no image of a registry; give --image")


def _dependency(given: Given, _made: Made) -> Told | None:
    return Told("dropped", dependency_words(given.value or ""))


SPECIAL: dict[str, Callable[[Given, Made], Told | None]] = {
    "nodes": _nodes,
    "array": _array,
    "nodelist": _nodelist,
    "exclude": _nodelist,
    "mem": _memory,
    "time": _time,
    **dict.fromkeys(("gres", "gpus", "gpus-per-node", "gpus-per-task"), _gpus),
    "dependency": _dependency,
    "export": _export,
    "chdir": _chdir,
    "container-workdir": _chdir,
    "signal": _signal,
    "container-image": _image,
}
