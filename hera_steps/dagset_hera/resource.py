"""A Hera template whose step is a whole node: Argo's own executor creates its Job or JobSet and waits for the end."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hera.workflows import Parameter, Resource
from hera.workflows.models import ResourceTemplate

from dagset.errors import InvalidNode
from dagset.model import DagNode, dns_safe, read_words
from dagset_hera.conditions import CONDITIONS
from dagset_hera.manifest import Manifest, render

__all__ = ["JobSetResource"]

OURS = {
    "success_condition": "Argo's conditions know no lists and no Job rules: dagset writes the ones that tell the end",
    "failure_condition": "Argo's conditions know no lists and no Job rules: dagset writes the ones that tell the end",
    "manifest": "the manifest is made from node=",
    "manifest_from": "the manifest is made from node=",
    "merge_strategy": "nothing is patched: the object is created",
}


@dataclass(kw_only=True)
class JobSetResource(Resource):
    """A resource template that creates the Job or JobSet of `node` and ends as it ends.

    Only `node` carries dagset's words; every other argument keeps Hera's meaning and is for Argo's executor pod.

    Args:
        node: a DagNode, its words as a mapping, or the path of a node file. `name` defaults to the template's. A word
            in a mapping or file may be a parameter: `{"pods": "{{inputs.parameters.n}}"}`, or Hera's Parameter.
        set_owner_reference: whether the object goes when the Workflow is deleted. Argo writes the reference itself
            only where it may read the manifest anew, so here it is part of the manifest.

    Raises:
        InvalidNode: when it is made, for whatever the node or Argo could not keep.
    """

    node: DagNode | Mapping[str, Any] | str | Path
    action: str = "create"
    set_owner_reference: bool | None = True

    def __post_init__(self) -> None:
        """Refuse now what would otherwise be refused when the workflow is built or, worse, when it runs."""
        if self.action != "create":
            raise InvalidNode(f"{self.action!r} cannot run a node", field="action", remedy="leave it out")
        for field, reason in OURS.items():
            if getattr(self, field) is not None:
                raise InvalidNode("is not for the user here", field=field, remedy=f"leave it out; {reason}")
        self._rendered()
        super().__post_init__()

    def _build_resource_template(self) -> ResourceTemplate:
        rendered = self._rendered()
        success, failure = CONDITIONS[rendered.kind]
        return ResourceTemplate(
            action=self.action,
            flags=self.flags,
            manifest=rendered.text,
            success_condition=success,
            failure_condition=failure,
        )

    def _rendered(self) -> Manifest:
        template = self.name or "node"
        declared = self._build_inputs()
        inputs = frozenset(parameter.name for parameter in (declared and declared.parameters) or ())
        try:
            node = self.node if isinstance(self.node, DagNode) else {"name": dns_safe(template), **_words(self.node)}
            return render(node, template=template, inputs=inputs, owned=bool(self.set_owner_reference))
        except InvalidNode as error:
            is_path = isinstance(self.node, str | Path)
            raise error.read_from(str(self.node) if is_path else f"template {template}") from None


def _words(node: Mapping[str, Any] | str | Path) -> dict[str, Any]:
    """Return a node's words before they are checked, for parameters are not yet what the model asks for."""
    if isinstance(node, Mapping):
        return {word: _plain(value) for word, value in node.items()}
    return read_words(node)


def _plain(value: Any) -> Any:
    """Return a value with Hera's parameters as the texts that they stand for."""
    if isinstance(value, Parameter):
        return str(value)
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value
