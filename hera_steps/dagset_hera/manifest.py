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

__all__ = ["Manifest", "filled_in", "render"]

# Whose object this is: one step of one workflow, an item of a fan-out by itself. Not its attempt, for `node.name` is
# without it (argo-workflows: workflow/controller/operator.go, executeTemplate): what is tried again after the loss of
# Argo's own pod finds the object that it had made.
STEP = "sprig.sha1sum(workflow.uid + node.name)"
ATTEMPT = "sprig.sha1sum(workflow.uid + pod.name)"  # each has a pod of its own
HASH_LENGTH = 8  # 32 bits, as in Argo's own pod names
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
    """What Argo is given: Job or JobSet, its name and its YAML, both with Argo's variables in them."""

    kind: str
    name: str
    text: str


def render(
    node: DagNode | Mapping[str, Any],
    *,
    template: str,
    inputs: frozenset[str] = frozenset(),
    owned: bool = True,
    whose: str = STEP,
) -> Manifest:
    """Return the manifest of a node in the resource template `template`, which has these input parameters.

    Args:
        node: a mapping may hold parameters (`{{inputs.parameters.n}}`) in words of any type, a DagNode in texts only.
        owned: whether the Workflow becomes the owner, so that the object goes when the Workflow is deleted.
        whose: Argo's expression for 40 hex digits that are equal for attempts which may adopt each other's object.

    Raises:
        InvalidNode: also for what Argo's resource template cannot do, with the reason.
    """
    bundle, manifest = _compiled(node, identity=Identity(owner="argo", task=template))
    # Whoever applies the manifest again would undo what Kueue has made of it: its webhook suspends what names a queue.
    manifest["spec"] = {word: value for word, value in manifest["spec"].items() if word != "suspend"}
    if owned:
        who = {"name": _Source('"{{workflow.name}}"'), "uid": _Source('"{{workflow.uid}}"')}
        manifest["metadata"]["ownerReferences"] = [{**OWNER, **who}]
    base = bundle.name[: -HASH_LENGTH - 1]
    fill = _Fill(bundle.name, f"{base}-{{{{=sprig.trunc({HASH_LENGTH}, {whose})}}}}", whose, inputs)
    return Manifest(kind=bundle.kind, name=fill.named, text=_written(fill.value(manifest)))


def filled_in(words: Mapping[str, Any], *, inputs: frozenset[str]) -> str:
    """Return words as YAML in which Argo replaces parameters and nothing else."""
    nobody = "\0"
    return _written(_Fill(nobody, nobody, "", inputs).value(dict(words)))


def _written(value: Any) -> str:
    """Return YAML in which Argo's variables stand as they are."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, width=2**31, allow_unicode=True)


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
    if any(part["kind"] == "Secret" for part in bundle.parts):
        problem = f"{read['rendezvous']} needs a Secret of this node's own, and {ONE_OBJECT}"
        raise InvalidNode(problem, field="rendezvous", remedy="take JobSetTask")
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


@dataclass(frozen=True, slots=True)
class _Fill:
    """Puts what Argo fills in into a manifest: the object's name `named` for `name`, its labels and the parameters."""

    name: str
    named: str
    whose: str
    inputs: frozenset[str]

    def value(self, given: Any) -> Any:
        """Return the manifest, or a part of it, with scalars of Argo's."""
        if isinstance(given, dict):
            mapping = {self.value(key): self.value(value) for key, value in given.items()}
            if constants.IDENTITY in mapping:
                mapping[constants.IDENTITY] = _Source(f'"{{{{=sprig.trunc(16, {self.whose})}}}}"')
                mapping[constants.RUN] = mapping[WORKFLOW_LABEL] = _Source('"{{workflow.name}}"')
            return mapping
        if isinstance(given, list):
            return [self.value(value) for value in given]
        if isinstance(given, Number):
            check_text(f"{{{{{given}}}}}", inputs=self.inputs)
            return _Source(f"{{{{=asInt({_looked_up(given)})}}}}")
        if isinstance(given, str) and not isinstance(given, _Source) and ("{{" in given or self.name in given):
            check_text(given, inputs=self.inputs)
            return _Source(f'"{self._text(given)}"')
        return given

    def _text(self, text: str) -> str:
        """Return the inside of a double-quoted scalar: expressions for name and parameters, the rest not for Argo."""
        filled, end = [], 0
        for match in re.finditer(f"{PARAMETER.pattern}|{re.escape(self.name)}", text):
            filled.append(_escaped(text[end : match.start()]))
            filled.append(f"{{{{=toJson({_looked_up(match[1])})[1:-1]}}}}" if match[1] else self.named)
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
