"""From a node to the manifest text of an Argo resource template. Pure, and the one place that knows Argo's quoting.

Argo replaces `{{...}}` in the template's text several times over (argo-workflows: workflow/common/util.go,
SubstituteParams; workflow/controller/workflowpod.go, substitutePodParams), wherever it stands. So a text of the user's
with `{{` in it is written as a double-quoted scalar in which no two braces meet: YAML's `\\x7B` is a brace again only
when kubectl reads the manifest. A parameter goes in as JSON, which such a scalar may hold, so that quotes and line ends
in its value survive.

`setOwnerReference` would undo this: the controller then reads and rewrites the manifest before the last replacement
(workflow/controller/operator.go, executeResource). The owner reference is therefore part of the manifest itself.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import yaml

from dagset import constants
from dagset.compile import Bundle, compile_node
from dagset.compile.render import Dumper
from dagset.errors import InvalidNode
from dagset.model import DagNode, Identity, node_from
from dagset_hera.parameters import PARAMETER, Number, as_written, check_text, merged, stood_in
from dagset_hera.unheld import ONE_OBJECT, refuse_unheld

__all__ = ["Manifest", "render"]

# Unique to one attempt at one node of one workflow: Argo makes a pod name of its own for each (fan-out, retries), and
# the uid tells apart workflows of one name. The first is of 32 bits, as Argo's own pod names are.
ATTEMPT = "sprig.sha1sum(workflow.uid + pod.name)"
HASH_LENGTH = 8
WORKFLOW_LABEL = "workflows.argoproj.io/workflow"  # `argo logs` finds pods by it (argo-workflows: util/logs)
OWNER = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "controller": True, "blockOwnerDeletion": True}
OURS = "dagset.io/"


class _Source(str):
    """A scalar as it shall stand in the YAML, quotes and all."""

    __slots__ = ()


class _Dumper(Dumper):
    """The core's, with Argo's variables."""

    def choose_scalar_style(self) -> str:
        is_source = isinstance(self.event, yaml.ScalarEvent) and self.event.style == "source"
        return "" if is_source else str(super().choose_scalar_style())


_Dumper.add_representer(_Source, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, "source"))


@dataclass(frozen=True, slots=True)
class Manifest:
    """What Argo is given: Job or JobSet, and its YAML with Argo's variables in it."""

    kind: str
    text: str


def render(
    node: DagNode | Mapping[str, Any], *, template: str, inputs: frozenset[str] = frozenset(), owned: bool = True
) -> Manifest:
    """Return the manifest of a node in the resource template `template`, which has these input parameters.

    Args:
        node: a mapping may hold parameters (`{{inputs.parameters.n}}`) in words of any type, a DagNode in texts only.
        owned: whether the Workflow becomes the owner, so that the object goes when the Workflow is deleted.

    Raises:
        InvalidNode: also for what Argo's resource template cannot do, with the reason.
    """
    bundle, manifest = _compiled(node, identity=Identity(owner="argo", task=template))
    if owned:
        who = {"name": _Source('"{{workflow.name}}"'), "uid": _Source('"{{workflow.uid}}"')}
        manifest["metadata"]["ownerReferences"] = [{**OWNER, **who}]
    of_argo = _of_argo(manifest, name=bundle.name, inputs=inputs)
    text = yaml.dump(of_argo, Dumper=_Dumper, sort_keys=False, width=2**31, allow_unicode=True)
    return Manifest(kind=bundle.kind, text=text)


def _compiled(node: DagNode | Mapping[str, Any], *, identity: Identity) -> tuple[Bundle, dict[str, Any]]:
    """Return a bundle, and its owner with the parameters where the node has them."""
    words = msgspec.structs.asdict(node) if isinstance(node, DagNode) else node
    refuse_unheld(words)
    readings = [stood_in(words, reading=reading) for reading in (0, 1)]
    parameters: dict[tuple[object, object], str] = {}
    for (one, name), (two, _) in zip(*(used for _, used in readings), strict=True):
        parameters[one, two] = parameters[str(one), str(two)] = name
    bundle, again = (_bundle(read, used, identity=identity) for read, used in readings)
    found: set[str] = set()
    owner = merged(_without_ours(bundle.owner), _without_ours(again.owner), parameters=parameters, found=found)
    for name in set(parameters.values()) - found:
        problem = f"{{{{{name}}}}} would not reach the manifest"
        raise InvalidNode(problem, field="node", remedy="give the value itself, or make pods a parameter too")
    return bundle, owner


def _bundle(read: Mapping[str, Any], used: list[tuple[int | str, str]], *, identity: Identity) -> Bundle:
    """Return what one reading becomes; nobody follows it, so nothing is left for a follower to hold."""
    try:
        bundle = compile_node(node_from(read), identity, followed=False)
    except InvalidNode as error:
        raise as_written(error, used) from None
    if bundle.parts:
        problem = f"a gang as a plain Job needs a {bundle.parts[0]['kind']} beside it, and {ONE_OBJECT}"
        raise InvalidNode(problem, field="kind", remedy="write kind: jobset, which makes its own")
    return bundle


def _without_ours(owner: dict[str, Any]) -> dict[str, Any]:
    """Return the owner without dagset's own annotations: the spec's hash is of what is sent, which only Argo knows."""
    metadata = dict(owner["metadata"])
    annotations = metadata.pop("annotations")
    kept = {key: value for key, value in annotations.items() if not key.startswith(OURS)}
    return {**owner, "metadata": {**metadata, **({"annotations": kept} if kept else {})}}


def _of_argo(manifest: Any, *, name: str, inputs: frozenset[str]) -> Any:
    """Return the manifest with scalars that Argo fills in: the object's name, its labels and the parameters."""
    if isinstance(manifest, dict):
        mapping = {
            _of_argo(key, name=name, inputs=inputs): _of_argo(value, name=name, inputs=inputs)
            for key, value in manifest.items()
        }
        if constants.IDENTITY in mapping:
            mapping[constants.IDENTITY] = _Source(f'"{{{{=sprig.trunc(16, {ATTEMPT})}}}}"')
            mapping[constants.RUN] = mapping[WORKFLOW_LABEL] = _Source('"{{workflow.name}}"')
        return mapping
    if isinstance(manifest, list):
        return [_of_argo(value, name=name, inputs=inputs) for value in manifest]
    if isinstance(manifest, Number):
        check_text(f"{{{{{manifest}}}}}", inputs=inputs)
        return _Source(f"{{{{=asInt({_looked_up(manifest)})}}}}")
    if isinstance(manifest, str) and not isinstance(manifest, _Source) and ("{{" in manifest or name in manifest):
        check_text(manifest, inputs=inputs)
        return _Source(f'"{_filled(manifest, name=name)}"')
    return manifest


def _filled(text: str, *, name: str) -> str:
    """Return the inside of a double-quoted scalar: expressions for name and parameters, the rest not for Argo."""
    filled, end = [], 0
    for match in re.finditer(f"{PARAMETER.pattern}|{re.escape(name)}", text):
        filled.append(_escaped(text[end : match.start()]))
        if match[1]:
            filled.append(f"{{{{=toJson({_looked_up(match[1])})[1:-1]}}}}")
        else:
            filled.append(f"{name[: -HASH_LENGTH - 1]}-{{{{=sprig.trunc({HASH_LENGTH}, {ATTEMPT})}}}}")
        end = match.end()
    return "".join([*filled, _escaped(text[end:])])


def _looked_up(parameter: str) -> str:
    """Return the expression for a parameter; names with a hyphen are no identifiers."""
    scope, _, name = parameter.rpartition(".")
    return f"{scope}['{name}']" if "-" in name else parameter


def _escaped(text: str) -> str:
    """Return text as it stands between YAML's double quotes, without a brace that Argo could take for its own."""
    return "".join(char if char.isprintable() and char not in '"\\{' else _escape(ord(char)) for char in text)


def _escape(code: int) -> str:
    return f"\\x{code:02X}" if code < 2**8 else f"\\u{code:04X}" if code < 2**16 else f"\\U{code:08X}"
