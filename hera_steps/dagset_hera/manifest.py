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
from dagset_hera.parameters import PARAMETER, Number, check_text, merged, stood_in

__all__ = ["Manifest", "render"]

# Unique to one attempt at one node of one workflow: Argo makes a pod name of its own for each (fan-out, retries), and
# the uid tells apart workflows of one name. The first is of 32 bits, as Argo's own pod names are.
ATTEMPT = "sprig.sha1sum(workflow.uid + pod.name)"
HASH_LENGTH = 8
WORKFLOW_LABEL = "workflows.argoproj.io/workflow"  # `argo logs` finds pods by it (argo-workflows: util/logs)
OWNER = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "controller": True, "blockOwnerDeletion": True}
# Words for a follower, and Argo's own executor is none: the values that come true without one, and what to do instead.
UNHELD: dict[str, tuple[tuple[object, ...], str, str]] = {
    "files": (
        (None, {}),
        "need a ConfigMap of their own, and an Argo resource template makes one object",
        "put them into the image",
    ),
    "keep": (
        (None, "always"),
        "asks for somebody who reads the end and then deletes; Argo's resource template does not",
        "leave it out: the object stays until its ttl, or until the Workflow is deleted",
    ),
}


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
    for word, (held, problem, remedy) in UNHELD.items():
        if words.get(word) not in held:
            raise InvalidNode(problem, field=word, remedy=remedy)
    (first, given), (second, given_again) = (stood_in(words, reading=reading) for reading in (0, 1))
    parameters: dict[tuple[object, object], str] = {}
    for (one, name), (two, _) in zip(given, given_again, strict=True):
        parameters[one, two] = parameters[str(one), str(two)] = name
    bundles = [compile_node(node_from(read), identity) for read in (first, second)]
    for bundle in bundles:
        if bundle.parts:
            raise InvalidNode("needs objects beside the node, and an Argo resource template makes one", field="node")
        bundle.owner["metadata"].pop("annotations")  # the spec's hash: only Argo knows what is sent
    found: set[str] = set()
    owner = merged(bundles[0].owner, bundles[1].owner, parameters=parameters, found=found)
    for name in set(parameters.values()) - found:
        problem = f"{{{{{name}}}}} would not reach the manifest"
        raise InvalidNode(problem, field="node", remedy="give the number itself, or make pods a parameter too")
    return bundles[0], owner


def _of_argo(manifest: Any, *, name: str, inputs: frozenset[str]) -> Any:
    """Return the manifest with scalars that Argo fills in: the object's name, its labels and the parameters."""
    if isinstance(manifest, dict):
        mapping = {key: _of_argo(value, name=name, inputs=inputs) for key, value in manifest.items()}
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
