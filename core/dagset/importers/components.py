"""The components of a job: one, or several of a heterogeneous job, with what each asks for."""

from collections.abc import Mapping
from dataclasses import dataclass

from dagset.errors import InvalidNode
from dagset.importers.directives import Script, words_of
from dagset.importers.getopt import Given, options_of
from dagset.importers.request import Request, last_ones, request_of
from dagset.importers.shape import Shape, shape_of

__all__ = ["Component", "components_of"]

ARRAY_OF_GANGS = (
    "an array whose tasks have {nodes} hosts each is not one node: its {tasks} tasks are gangs of their own"
)
ARRAY_REMEDY = (
    "dagset import sbatch --with '-a {first}' makes a node of task {first}; the engine runs one for each task "
    "(Airflow expand, Argo withItems, a wildcard in Snakemake)"
)


@dataclass(frozen=True, slots=True)
class Component:
    """One component: its own options, those that count in it by name, and what they ask for."""

    options: tuple[Given, ...]
    last: dict[str, Given]
    request: Request
    shape: Shape


def components_of(script: Script, given: str) -> list[Component]:
    """Return what each component asks for; what is given beside the script is the first one's.

    Raises:
        InvalidNode: a value that sbatch refuses, or an array that is not one node.
    """
    found: list[Component] = []
    for words in script.components:
        beside = () if found else words_of(given, line=0)
        found.append(_component(options_of((*words, *beside)), found[-1].last if found else {}))
    _refuse_arrays(found)
    return found


def _component(options: tuple[Given, ...], before: Mapping[str, Given]) -> Component:
    last = last_ones(options, before)
    request = request_of(last)
    return Component(options, last, request, shape_of(request))


def _refuse_arrays(components: list[Component]) -> None:
    """Refuse an array of heterogeneous jobs, as sbatch does, and one whose tasks have several hosts."""
    array, pods = components[0].request.array, components[0].shape.pods
    if len(components) > 1 and any(each.request.array for each in components):
        raise InvalidNode("a heterogeneous job cannot be an array", field="--array", remedy="submit it once per task")
    if array is not None and len(array.ids) > 1 and pods > 1:
        problem = ARRAY_OF_GANGS.format(nodes=pods, tasks=len(array.ids))
        raise InvalidNode(problem, field="--array", remedy=ARRAY_REMEDY.format(first=array.ids[0]))
