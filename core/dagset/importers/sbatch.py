"""From a batch script of Slurm to a node, and the report of what became of each of its options."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import PurePath
from typing import Any

from dagset.errors import InvalidNode
from dagset.importers.commands import commands_in
from dagset.importers.components import Component, components_of
from dagset.importers.directives import Script, read_script
from dagset.importers.fates import Made, fate_of
from dagset.importers.getopt import Given
from dagset.importers.report import Entry
from dagset.importers.roles import role_words
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
NOT_THERE = "your files, home and environment are not there"
IN_ONE = f"runs in a pod: {NOT_THERE}"
IN_EACH = f"runs in each of the {{pods}} pods, not in the first alone (srun starts a pod's own tasks); {NOT_THERE}"


@dataclass(frozen=True, slots=True)
class Imported:
    """What a script became: the words of a node file, the same as a node, and a report with an entry per option."""

    words: Words
    node: DagNode
    report: tuple[Entry, ...]


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
    components = components_of(script, given)
    words = _words(script, components, name=name, image=image, site=site, arguments=arguments)
    return Imported(words, node_from(words), tuple(_report(script, components, site=site, words=words)))


def _words(
    script: Script, components: list[Component], *, name: str, image: str, site: Site, arguments: Sequence[str]
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
    named = [{"name": f"het{place}", **role} for place, role in enumerate(roles)]
    return {**node, "coupling": "gang", "roles": named, "files": _files(script)}


def _of_role(words: Words) -> Words:
    return {word: value for word, value in words.items() if word in ROLE_WORDS}


def _node_words(components: list[Component], job: str) -> Words:
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


def _value(component: Component, name: str) -> str | None:
    return (component.last[name].value or "") if name in component.last else None


def _meanings(component: Component, site: Site) -> Words:
    """Return the words that the site gives for what the script says; they count more than what dagset makes of it."""
    gpu = site.words_for("gpu", component.shape.gpu_kind) if component.shape.gpu_kind else None
    found = [site.words_for(name, given.value) for name, given in component.last.items()]
    return over(*(words for words in (*found, gpu) if words))


def _image(image: str, component: Component, site: Site) -> str:
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


def _report(script: Script, components: list[Component], *, site: Site, words: Words) -> Iterator[Entry]:
    """Yield one entry for each option, then those for the lines that are none."""
    roles = words.get("roles", [{}])
    for place, (each, role) in enumerate(zip(components, roles, strict=True)):
        made = Made(each.request, each.shape, site, {**role, **words}, is_first=place == 0)
        for given in each.options:
            yield _entry(given, each, made)
    for line in script.unread:
        yield Entry("", line.text, line.line, "dropped" if line.is_lost else "ignored", line.why)
    pods, variables = sum(each.shape.pods for each in components), {**words, **roles[0]}.get("env", {})
    yield Entry("", "the script", 1, "approximated", IN_EACH.format(pods=pods) if pods > 1 else IN_ONE)
    for line_number, command, why in commands_in(script.text, is_gang=pods > 1, variables=variables):
        yield Entry("", command, line_number, "approximated", why)


def _entry(given: Given, component: Component, made: Made) -> Entry:
    if given.option is None:
        how, becomes = "unknown", "nothing: no option of sbatch's own; a plugin's of your site, or a slip"
    elif not any(given is each for each in component.last.values()):
        how, becomes = "ignored", "said again further on, and the last one counts"
    else:
        how, becomes = fate_of(given, made)
    return Entry(given.name, given.text, given.line, how, becomes)  # type: ignore[arg-type]
