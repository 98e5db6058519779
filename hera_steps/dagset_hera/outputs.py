"""What a step hands on, under the same names for both templates."""

from collections.abc import Iterable, Mapping

from hera.workflows.models import Outputs, Parameter, ValueFrom

__all__ = ["OUTPUTS", "read_by_argo", "with_ours"]

# Name: how Argo's executor reads it of an object that has succeeded (it reads nothing of one that has failed).
OUTPUTS: Mapping[str, str] = {
    "name": ".metadata.name",
    "reason": '"succeeded"',
    "exit-code": "0",
    "restarts": ".status.restarts // 0",
    "failed-indexes": '.status.failedIndexes // ""',
}


def read_by_argo() -> list[Parameter]:
    """Return the outputs of a resource template."""
    return [Parameter(name=name, value_from=ValueFrom(jq_filter=jq)) for name, jq in OUTPUTS.items()]


def with_ours(outputs: Outputs | None, ours: Iterable[Parameter]) -> Outputs | None:
    """Return a template's outputs and ours; a name that the user gave is the user's."""
    theirs = list((outputs and outputs.parameters) or [])
    taken = {parameter.name for parameter in theirs}
    parameters = [*theirs, *(parameter for parameter in ours if parameter.name not in taken)]
    if outputs is None:
        return Outputs(parameters=parameters) if parameters else None
    return outputs.model_copy(update={"parameters": parameters or None})
