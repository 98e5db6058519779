"""From a batch script of Slurm to a node, and the report of what became of each of its options."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import PurePath
from typing import Any

from dagset.errors import InvalidNode
from dagset.importers.commands import commands_in
from dagset.importers.directives import Script, read_script, words_of
from dagset.importers.fates import fate_of
from dagset.importers.getopt import Given, options_of
from dagset.importers.report import Entry
from dagset.importers.request import Request, last_ones, request_of
from dagset.importers.roles import role_words
from dagset.importers.shape import Shape, shape_of
from dagset.importers.site import Site, over
from dagset.importers.variables import variables_of
from dagset.model import DagNode, node_from
from dagset.model.duration import format_duration
from dagset.model.identity import dns_safe
from dagset.model.layers import ROLE_WORDS

__all__ = ["Imported", "import_sbatch"]

Words = dict[str, Any]
SCRIPT = "slurm_script"  # the name that slurmd gives it too
IN_POD = ("slurm_start", "srun", "scontrol")
NO_IMAGE = "no image: a batch script names none, and a pod needs one"
IMAGE_REMEDY = "set DAGSET_IMAGE=python:3.11-slim, `image:` in the site file, or #SBATCH --container-image"
ARRAY_OF_GANGS = (
    "an array whose tasks have {nodes} hosts each is not one node: its {tasks} tasks are gangs of their own"
)
ARRAY_REMEDY = "make one node for each task, mapped by the engine: --with '-a {first}' imports the first"


@dataclass(frozen=True, slots=True)
class Imported:
    """What a script became: the words of a node file, the same as a node, and a report with an entry per option."""

    words: Words
    node: DagNode
    report: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class _Component:
    options: tuple[Given, ...]
    last: dict[str, Given]
    request: Request
    shape: Shape


def import_sbatch(
    text: str, *, name: str, image: str = "", site: Site | None = None, given: str = "", arguments: Sequence[str] = ()
) -> Imported:
    """Return the node that a batch script describes.

    Args:
        text: the script.
        name: of its file: the job's name unless the script says another.
        image: the image of the pods; "" for the script's own (--container-image), then the site's.
        site: what the site's partitions, QOS, features and GPU types mean.
        given: further options, which count more than the script's, as on the command line of sbatch.
        arguments: the script's own.

    Raises:
        InvalidNode: sbatch would refuse the script, no image is known, or a node cannot be what it asks for.
    """
    site, script = site or Site(), read_script(text)
    components = [_component(words, given if not place else "") for place, words in enumerate(script.components)]
    words = _words(script, components, name=name, image=image, site=site, arguments=arguments)
    return Imported(words, node_from(words), tuple(_report(script, components, site)))


def _component(words: Any, given: str) -> _Component:
    options = options_of((*words, *words_of(given, line=0)))
    last = last_ones(options)
    request = request_of(last)
    shape = shape_of(request)
    if request.array is not None and shape.pods > 1 and len(request.array.ids) > 1:
        problem = ARRAY_OF_GANGS.format(nodes=shape.pods, tasks=len(request.array.ids))
        raise InvalidNode(problem, field="--array", remedy=ARRAY_REMEDY.format(first=request.array.ids[0]))
    return _Component(options, last, request, shape)


def _words(
    script: Script, components: list[_Component], *, name: str, image: str, site: Site, arguments: Sequence[str]
) -> Words:
    """Return the words of the node, its roles in them where it has several."""
    job = _value(components[0], "job-name") or name
    of_node, roles = [site.defaults, _node_words(components, job)], []
    for place, each in enumerate(components):
        variables = variables_of(job, each.last, each.request, each.shape)
        if len(components) > 1:
            variables |= {"SLURM_HET_SIZE": str(len(components)), "SLURM_HET_GROUP": str(place)}
        role = role_words(each.last, each.request, each.shape, variables=variables, arguments=arguments)
        meant = _meanings(each, site)
        of_node.append(meant)
        roles.append(_of_role(over(site.defaults, {"image": _image(image, each, site)}, role, meant)))
    node = {word: value for word, value in over(*of_node).items() if word not in ROLE_WORDS}
    if len(roles) == 1:
        return {**node, **roles[0], "files": _files(script)}
    raise_if_array(components)
    named = [{"name": f"het{place}", **role} for place, role in enumerate(roles)]
    return {**node, "coupling": "gang", "roles": named, "files": _files(script)}


def _of_role(words: Words) -> Words:
    return {word: value for word, value in words.items() if word in ROLE_WORDS}


def raise_if_array(components: Iterable[_Component]) -> None:
    """Refuse an array of heterogeneous jobs, as sbatch does."""
    if any(each.request.array for each in components):
        raise InvalidNode("a heterogeneous job cannot be an array", field="--array", remedy="submit it once per task")


def _node_words(components: list[_Component], job: str) -> Words:
    first = components[0]
    minutes = [each.request.minutes for each in components]
    said = _value(first, "job-name")
    words: Words = {"name": dns_safe(said or PurePath(job).stem, default="job")}
    if sum(each.shape.pods for each in components) > 1:
        words["coupling"] = "gang"
    elif first.request.array is not None:
        limit, count = first.request.array.limit, len(first.request.array.ids)
        words |= {"coupling": "array", **({"parallelism": min(limit, count)} if limit else {})}
    if None not in minutes:
        words["deadline"] = format_duration(max(filter(None, minutes)) * 60)
    if _value(first, "requeue") is not None:
        words["on_disruption"] = "restart" if first.last["requeue"].name == "requeue" else "fail"
    notes = {f"slurm/{key}": _value(first, key) for key in ("account", "comment", "wckey") if _value(first, key)}
    return words | ({"annotations": notes} if notes else {})


def _value(component: _Component, name: str) -> str | None:
    return (component.last[name].value or "") if name in component.last else None


def _meanings(component: _Component, site: Site) -> Words:
    """Return the words that the site gives for what the script says; they count more than what dagset makes of it."""
    gpu = site.words_for("gpu", component.shape.gpu_kind) if component.shape.gpu_kind else None
    found = [site.words_for(name, given.value) for name, given in component.last.items()]
    return over(*(words for words in (*found, gpu) if words))


def _image(image: str, component: _Component, site: Site) -> str:
    """Return the image of a component's pods; enroot's `registry#path` is a registry's path."""
    own = _value(component, "container-image") or ""
    if own.startswith(("/", "./")) or own.endswith(".sqsh"):
        own = ""
    found = image or own.removeprefix("docker://").replace("#", "/", 1) or site.image
    if not found:
        raise InvalidNode(NO_IMAGE, field="image", remedy=IMAGE_REMEDY)
    return found


def _files(script: Script) -> Words:
    folder = resources.files("dagset.importers") / "pod"
    return {SCRIPT: {"text": script.text}} | {each: {"text": (folder / each).read_text()} for each in IN_POD}


def _report(script: Script, components: list[_Component], site: Site) -> Iterator[Entry]:
    """Yield one entry for each option, then those for the lines that are none."""
    for each in components:
        for given in each.options:
            yield _entry(given, each, site)
    for line in script.unread:
        yield Entry("", line.text, line.line, "dropped" if line.is_lost else "ignored", line.why)
    if len(components) == 1 and components[0].shape.pods > 1:
        pods = components[0].shape.pods
        told = f"runs in each of the {pods} pods (in Slurm on the first host alone); srun starts the pod's own tasks"
        yield Entry("", "the script", 1, "approximated", told)
    for line_number, command, why in commands_in(script.text):
        yield Entry("", command, line_number, "approximated", why)


def _entry(given: Given, component: _Component, site: Site) -> Entry:
    counts = last_ones(component.options).values()
    if given.option is None:
        how, becomes = "unknown", "nothing: no option of sbatch's own; a plugin's of your site, or a slip"
    elif not any(given is each for each in counts):
        how, becomes = "ignored", "said again further on, and the last one counts"
    else:
        how, becomes = fate_of(given, component.request, site)
    return Entry(given.name, given.text, given.line, how, becomes)  # type: ignore[arg-type]
