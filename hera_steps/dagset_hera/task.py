"""A Hera template whose step is a whole node, followed by a pod of ours: `dagset supervise` in an image of yours."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hera.workflows import Container
from hera.workflows.models import (
    Artifact,
    EnvVar,
    EnvVarSource,
    Inputs,
    ObjectFieldSelector,
    Outputs,
    Parameter,
    RawArtifact,
    RetryStrategy,
    Template,
    ValueFrom,
)

from dagset.errors import InvalidNode
from dagset_hera.conditions import TASK_LOST, TASK_RETRY_EXPRESSION, adopting, retrying
from dagset_hera.node_text import node_text
from dagset_hera.outputs import OUTPUTS, with_ours
from dagset_hera.words import Node, words_of

__all__ = ["JobSetTask"]

NODE_FILE, OUTPUTS_FOLDER = "/dagset/node.yaml", "/tmp/dagset"  # noqa: S108  in a container of its own
MORE_OUTPUTS = ("message", "outcome")
# What `dagset supervise` reads from its environment. `node.name` is the same for all attempts at a step.
ENVIRONMENT: Mapping[str, str] = {
    "DAGSET_OWNER": "argo",
    "DAGSET_DAG": "{{workflow.name}}",
    "DAGSET_RUN": "{{workflow.uid}}",
    "DAGSET_TASK": "{{node.name}}",
    "DAGSET_OWNED_BY": "argoproj.io/v1alpha1 Workflow {{workflow.name}} {{workflow.uid}}",
    "DAGSET_MESSAGE": "/dev/termination-log",
    "DAGSET_OUTPUTS": OUTPUTS_FOLDER,
}


@dataclass(kw_only=True)
class JobSetTask(Container):
    """A container template that runs `dagset supervise` for `node`: it watches the node and ends as it ends.

    Only `node` carries dagset's words; every other argument keeps Hera's meaning and is for the supervisor's pod. If
    that pod is lost, another one adopts the node. Outputs, whatever the end: `name`, `reason`, `exit-code`, `restarts`,
    `failed-indexes`, `message` and `outcome` (JSON).

    Args:
        node: as in JobSetResource; more words may be parameters, for they are read when the step runs.
        image: has `dagset` in it (docs/hera.md has a Dockerfile).
        lines: whose lines are the step's log: all, first (index 0 of each role), failed or none.
        set_owner_reference: whether the node goes when the Workflow is deleted.
        retry_strategy: tries a failed node again, with a new object; without an `expression`, what is of no use to try
            again is not (a fail code, a passed deadline, an image that is not there). Lost pods count too.

    Raises:
        InvalidNode: when it is made.
    """

    node: Node
    lines: str = "all"
    set_owner_reference: bool = True

    def __post_init__(self) -> None:
        """Refuse now what would otherwise be refused when the step runs."""
        for field in ("command", "args"):
            if getattr(self, field) is not None:
                remedy = "leave it out; the container runs dagset supervise, and node= says what its pods run"
                raise InvalidNode("is not for the user here", field=field, remedy=remedy)
        self._text()
        super().__post_init__()  # type: ignore[no-untyped-call]

    def _build_template(self) -> Template:
        template = super()._build_template()
        if template.container is None:
            raise AssertionError("Hera builds a container template with a container")
        command = ["dagset", "supervise", NODE_FILE]
        container = template.container.model_copy(update={"command": command})
        return template.model_copy(update={"container": container})

    def _build_inputs(self) -> Inputs | None:
        given = super()._build_inputs() or Inputs()
        node = Artifact(name="dagset-node", path=NODE_FILE, raw=RawArtifact(data=self._text()))
        return given.model_copy(update={"artifacts": [*(given.artifacts or []), node]})

    def _build_outputs(self) -> Outputs | None:
        return with_ours(super()._build_outputs(), map(_read_from_file, [*OUTPUTS, *MORE_OUTPUTS]))

    def _build_env(self) -> list[EnvVar]:
        owned = {} if self.set_owner_reference else {"DAGSET_OWNED_BY": ""}
        ours = {**ENVIRONMENT, **owned, "DAGSET_LINES": self.lines}
        pod = EnvVarSource(field_ref=ObjectFieldSelector(field_path="metadata.name"))
        variables = [EnvVar(name=name, value=value) for name, value in ours.items() if value]
        return [*(super()._build_env() or []), *variables, EnvVar(name="DAGSET_POD", value_from=pod)]

    def _build_retry_strategy(self) -> RetryStrategy:
        asked = super()._build_retry_strategy()
        return adopting(TASK_LOST) if asked is None else retrying(asked, TASK_RETRY_EXPRESSION)

    def _text(self) -> str:
        template = self.name or "node"
        declared = super()._build_inputs()
        inputs = frozenset(parameter.name for parameter in (declared and declared.parameters) or ())
        try:
            return node_text(words_of(self.node, template=template), inputs=inputs)
        except InvalidNode as error:
            is_path = isinstance(self.node, str | Path)
            raise error.read_from(str(self.node) if is_path else f"template {template}") from None


def _read_from_file(name: str) -> Parameter:
    return Parameter(name=name, value_from=ValueFrom(path=f"{OUTPUTS_FOLDER}/{name}", default=""))
