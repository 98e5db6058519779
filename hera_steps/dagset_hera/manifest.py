"""From a node to the manifest texts of Argo resource templates. Pure.

`setOwnerReference` would undo the quoting: the controller then reads and rewrites the manifest before the last
replacement (workflow/controller/operator.go, executeResource). The owner reference is therefore part of the manifests.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from dagset.compile import Bundle, compile_node
from dagset.errors import InvalidNode
from dagset.model import DagNode, Identity, node_from
from dagset_hera.parameters import as_written, merged, stood_in
from dagset_hera.quoting import Fill, Source, written
from dagset_hera.unheld import refuse_unheld
from dagset_hera.words import plain_words

__all__ = ["Manifest", "Part", "render"]

# Whose object this is: one step of one workflow, an item of a fan-out by itself. Not its attempt, for `node.name` is
# without it (argo-workflows: workflow/controller/operator.go, executeTemplate): what is tried again after the loss of
# Argo's own pod finds the object that it had made.
STEP = "sprig.sha1sum(workflow.uid + node.name)"
ATTEMPT = "sprig.sha1sum(workflow.uid + pod.name)"  # each has a pod of its own
HASH_LENGTH = 8  # 32 bits, as in Argo's own pod names
OWNER = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "controller": True, "blockOwnerDeletion": True}
WHO = {"name": Source('"{{workflow.name}}"'), "uid": Source('"{{workflow.uid}}"')}
OURS = "dagset.io/"


@dataclass(frozen=True, slots=True)
class Part:
    """What Argo is given of one object: its YAML, with Argo's variables; `step` makes it, "" where it is alone."""

    kind: str
    step: str
    text: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What Argo is given of a node: Job or JobSet, and what must be there before it."""

    owner: Part
    parts: tuple[Part, ...]


def render(
    node: DagNode | Mapping[str, Any],
    *,
    template: str,
    inputs: frozenset[str] = frozenset(),
    owned: bool = True,
    is_retried: bool = False,
) -> Manifest:
    """Return the manifests of a node in the resource template `template`, which has these input parameters.

    Args:
        node: a mapping may hold parameters (`{{inputs.parameters.n}}`) in words of any type, a DagNode in texts only.
        owned: whether the Workflow becomes the owner, so that the objects go when the Workflow is deleted.
        is_retried: whether each attempt has a Job or JobSet of its own; `files` are the step's.

    Raises:
        InvalidNode: also for what Argo's resource template cannot do, with the reason.
    """
    bundle, owner, parts = _compiled(node, identity=Identity(owner="argo", task=template))
    _refuse_strays(parts, owned=owned, is_retried=is_retried)
    # Whoever applies the manifest again would undo what Kueue has made of it: its webhook suspends what names a queue.
    owner["spec"] = {word: value for word, value in owner["spec"].items() if word != "suspend"}
    last = f"{template}-node" if parts else ""
    steps = [f"{template}-{part['kind'].lower()}" for part in parts]
    fill = _filling(bundle, step=_step_of(1, last), is_retried=is_retried, inputs=inputs)
    made = [
        Part(part["kind"], step, _text(part, _filling(bundle, step=_step_of(0, step), inputs=inputs), owned=owned))
        for part, step in zip(parts, steps, strict=True)
    ]
    return Manifest(Part(bundle.kind, last, _text(owner, fill, owned=owned)), tuple(made))


def _step_of(group: int, step: str) -> str:
    """Return the expression for whose a step's object is: the same in all steps of one template around them.

    `node.name` of a step is that of the template around it, and then this (argo-workflows: workflow/controller/
    steps.go, executeSteps).
    """
    return STEP.replace("node.name", f"sprig.trimSuffix('[{group}].{step}', node.name)") if step else STEP


def _filling(bundle: Bundle, *, step: str, inputs: frozenset[str], is_retried: bool = False) -> Fill:
    whose = ATTEMPT if is_retried else step
    base = bundle.name[: -HASH_LENGTH - 1]
    named, files = (f"{base}-{{{{=sprig.trunc({HASH_LENGTH}, {each})}}}}" for each in (whose, step))
    return Fill(name=bundle.name, named=named, files=files, whose=whose, inputs=inputs)


def _text(manifest: dict[str, Any], fill: Fill, *, owned: bool) -> str:
    if owned:
        manifest["metadata"]["ownerReferences"] = [{**OWNER, **WHO}]
    return written(fill.value(manifest))


def _refuse_strays(parts: list[dict[str, Any]], *, owned: bool, is_retried: bool) -> None:
    """Refuse parts that nobody would delete, or that two attempts would share though they name one."""
    kinds = [part["kind"] for part in parts]
    if kinds and not owned:
        problem = f"leaves a {kinds[0]} behind for ever: only the Workflow's end takes it along"
        raise InvalidNode(problem, field="set_owner_reference", remedy="leave it out")
    if is_retried and (alone := [kind for kind in kinds if kind != "ConfigMap"]):
        problem = f"would have all attempts share one {alone[0]}, which is for the pods of one"
        remedy = "put it around the step: Steps(retry_strategy=...), where each attempt is a step of its own"
        raise InvalidNode(problem, field="retry_strategy", remedy=remedy)


def _compiled(
    node: DagNode | Mapping[str, Any], *, identity: Identity
) -> tuple[Bundle, dict[str, Any], list[dict[str, Any]]]:
    """Return a bundle, and its owner and parts with the parameters where the node has them."""
    words = _words(node) if isinstance(node, DagNode) else node
    refuse_unheld(words)
    readings = [stood_in(words, reading=reading) for reading in (0, 1)]
    parameters: dict[tuple[object, object], str] = {}
    for (one, name), (two, _) in zip(*(used for _, used in readings), strict=True):
        parameters[one, two] = parameters[str(one), str(two)] = name
    bundle, again = (_bundle(read, used, identity=identity) for read, used in readings)
    found: set[str] = set()
    owner = merged(_without_ours(bundle.owner), _without_ours(again.owner), parameters=parameters, found=found)
    parts = merged([*bundle.parts], [*again.parts], parameters=parameters, found=found)
    for name in set(parameters.values()) - found:
        problem = f"{{{{{name}}}}} would not reach the manifest"
        raise InvalidNode(problem, field="node", remedy="give the value itself, or make pods a parameter too")
    return bundle, owner, parts


def _words(node: DagNode) -> dict[str, Any]:
    files = {name: plain_words(file) for name, file in node.files.items()}
    return {**msgspec.structs.asdict(node), "files": files}


def _bundle(read: Mapping[str, Any], used: list[tuple[int | str, str]], *, identity: Identity) -> Bundle:
    """Return what one reading becomes; nobody follows it, so nothing is left for a follower to hold."""
    try:
        bundle = compile_node(node_from(read), identity, followed=False)
    except InvalidNode as error:
        raise as_written(error, used) from None
    if any(part["kind"] == "Secret" for part in bundle.parts):
        problem = f"{read['rendezvous']} needs a token that is made when the node is submitted, and Argo submits a text"
        raise InvalidNode(problem, field="rendezvous", remedy="take JobSetTask")
    return bundle


def _without_ours(owner: dict[str, Any]) -> dict[str, Any]:
    """Return the owner without dagset's own annotations: the spec's hash is of what is sent, which only Argo knows."""
    metadata = dict(owner["metadata"])
    annotations = metadata.pop("annotations")
    kept = {key: value for key, value in annotations.items() if not key.startswith(OURS)}
    return {**owner, "metadata": {**metadata, **({"annotations": kept} if kept else {})}}
