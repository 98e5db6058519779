"""A Hera template whose step is a whole node: Argo's own executor creates its Job or JobSet and waits for the end."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from hera.workflows import Resource
from hera.workflows.models import Outputs, ResourceTemplate, RetryStrategy, Template

from dagset.errors import InvalidNode
from dagset.model import DagNode
from dagset_hera.conditions import CONDITIONS, LOST, RETRY_EXPRESSION, adopting, retrying
from dagset_hera.manifest import Manifest, render
from dagset_hera.outputs import read_by_argo, with_ours
from dagset_hera.stepwise import around, inside
from dagset_hera.words import Node, words_of

__all__ = ["JobSetResource"]

OURS = {
    "success_condition": "Argo's conditions know no lists and no Job rules: dagset writes the ones that tell the end",
    "failure_condition": "Argo's conditions know no lists and no Job rules: dagset writes the ones that tell the end",
    "manifest": "the manifest is made from node=",
    "manifest_from": "the manifest is made from node=",
    "merge_strategy": "nothing is patched: the object is created",
}
# The JobSet webhook fills in what a manifest leaves out when it is created, and refuses to have it taken away: applied
# by the server, what the manifest does not name stays (kubernetes-sigs/jobset: pkg/webhooks; tried, 0.12).
ADOPTED = "--server-side"


@dataclass(kw_only=True)
class JobSetResource(Resource):
    """A resource template that creates the Job or JobSet of `node` and ends as it ends.

    Only `node` carries dagset's words; every other argument keeps Hera's meaning and is for Argo's executor pod. If
    that pod is lost, another one waits for the same object, unless there is a `retry_strategy`. A node with `files`, a
    PodGroup or a Service of its own becomes a template of kind `steps` that makes them first, by the templates in
    `steps`: a Workflow in whose context this is made has them, `templates=[train, *train.steps]` needs them said.

    Args:
        node: a DagNode, its words as a mapping, or the path of a node file. `name` defaults to the template's. A word
            in a mapping or file may be a parameter: `{"pods": "{{inputs.parameters.n}}"}`, or Hera's Parameter.
        set_owner_reference: whether the object goes when the Workflow is deleted. Argo writes the reference itself
            only where it may read the manifest anew, so here it is part of the manifest.
        report: whether the step has the outputs `name`, `reason`, `exit-code`, `restarts` and `failed-indexes`, after
            success. Without them its service account needs no right on workflowtaskresults; and only without that
            right does a Workflow go on when its executor was killed for its memory.
        retry_strategy: tries a failed node again, each time with a new object; without an `expression`, not after a
            fail code or a deadline of a gang, and not after the loss of the executor's pod, whose object runs on.
            Around a Steps template, it keeps the step's own way with lost pods.
        active_deadline_seconds: ends the executor's pod; a node without a `deadline` takes it as its own.

    Raises:
        InvalidNode: when it is made, for whatever the node or Argo could not keep.
    """

    node: Node
    action: str = "apply"
    set_owner_reference: bool | None = True
    report: bool = True
    steps: list[Resource] = field(init=False, repr=False, default_factory=list)

    def __post_init__(self) -> None:
        """Refuse now what would otherwise be refused when the workflow is built or, worse, when it runs."""
        if self.action != "apply":
            raise InvalidNode(f"{self.action!r} cannot run a node", field="action", remedy="leave it out")
        for word, reason in OURS.items():
            if getattr(self, word) is not None:
                raise InvalidNode("is not for the user here", field=word, remedy=f"leave it out; {reason}")
        rendered = self._rendered()
        super().__post_init__()
        if rendered.parts:
            self.steps = [_Inside(name=part.step, whole=self) for part in (*rendered.parts, rendered.owner)]

    def _build_template(self) -> Template:
        template, rendered = super()._build_template(), self._rendered()
        return around(template, rendered) if rendered.parts else template

    def _build_inside(self, step: str) -> Template:
        """Return the template of one of the steps."""
        template, rendered = super()._build_template(), self._rendered()
        for part in rendered.parts:
            if part.step == step:
                return inside(template, part, made=adopting(LOST))
        return inside(template, rendered.owner, made=None)

    def _build_resource_template(self) -> ResourceTemplate:
        owner = self._rendered().owner
        success, failure = CONDITIONS[owner.kind]
        return ResourceTemplate(
            action=self.action,
            flags=[*(self.flags or []), ADOPTED],
            manifest=owner.text,
            success_condition=success,
            failure_condition=failure,
        )

    def _build_outputs(self) -> Outputs | None:
        return with_ours(super()._build_outputs(), read_by_argo() if self.report else ())

    def _build_retry_strategy(self) -> RetryStrategy:
        asked = super()._build_retry_strategy()
        return adopting(LOST) if asked is None else retrying(asked, RETRY_EXPRESSION)

    def _rendered(self) -> Manifest:
        template = self.name or "node"
        declared = self._build_inputs()
        inputs = frozenset(parameter.name for parameter in (declared and declared.parameters) or ())
        owned, is_retried = bool(self.set_owner_reference), self.retry_strategy is not None
        try:
            node = _with_deadline(words_of(self.node, template=template), self.active_deadline_seconds)
            return render(node, template=template, inputs=inputs, owned=owned, is_retried=is_retried)
        except InvalidNode as error:
            is_path = isinstance(self.node, str | Path)
            raise error.read_from(str(self.node) if is_path else f"template {template}") from None


@dataclass(kw_only=True)
class _Inside(Resource):
    """The template of one of the steps of a node with parts; built from it, so that what is set on it later counts."""

    whole: JobSetResource
    action: str = "apply"

    def _build_template(self) -> Template:
        return self.whole._build_inside(str(self.name))


def _with_deadline(node: DagNode | dict[str, Any], seconds: int | str | None) -> DagNode | Mapping[str, Any]:
    """Return a node that does not outlive the pod that waits for it, if nothing else was said."""
    if not isinstance(seconds, int):
        return node
    if isinstance(node, DagNode):
        return node if node.deadline is not None else msgspec.structs.replace(node, deadline=f"{seconds}s")
    return {"deadline": f"{seconds}s", **node}
