"""A node of several objects as templates: Steps that make its parts, then its Job or JobSet. Pure.

Argo's resource template makes one object (argo-workflows: docs/walk-through/kubernetes-resources.md). The steps are
templates of the workflow and not inline ones: those cannot have a retry strategy, which adopts what a lost pod has made
("failed to get a template": workflow/controller/workflowpod.go; tried, 4.0.2).
"""

from hera.workflows.models import (
    Arguments,
    Inputs,
    Outputs,
    ParallelSteps,
    Parameter,
    ResourceTemplate,
    RetryStrategy,
    Template,
    ValueFrom,
    WorkflowStep,
)

from dagset_hera.manifest import Manifest, Part

__all__ = ["around", "inside"]

# What the user says of the step as a whole; the other fields are for the pods of Argo's that make the objects.
AROUND = ("name", "inputs", "memoize", "metrics", "synchronization", "parallelism", "fail_fast")


def around(template: Template, rendered: Manifest) -> Template:
    """Return the Steps that stand for a resource template: the parts side by side, then the node, with its outputs."""
    given = [Parameter(name=name, value=f"{{{{inputs.parameters.{name}}}}}") for name in _inputs(template)]
    arguments = Arguments(parameters=given) if given else None
    groups = [
        ParallelSteps(root=[WorkflowStep(name=part.step, template=part.step, arguments=arguments) for part in group])
        for group in (rendered.parts, (rendered.owner,))
    ]
    outputs = _handed_on(template.outputs, step=rendered.owner.step)
    return Template(**{field: getattr(template, field) for field in AROUND}, steps=groups, outputs=outputs)


def inside(template: Template, part: Part, *, made: RetryStrategy | None) -> Template:
    """Return the template of one of the steps: the node's, or with `made`, when it is applied again, a part's."""
    names = _inputs(template)
    taken = Inputs(parameters=[Parameter(name=name) for name in names]) if names else None
    inner = template.model_copy(update={**dict.fromkeys(AROUND), "name": part.step, "inputs": taken})
    if made is None or inner.resource is None:
        return inner
    applied = ResourceTemplate(action=inner.resource.action, flags=inner.resource.flags, manifest=part.text)
    return inner.model_copy(update={"resource": applied, "outputs": None, "retry_strategy": made})


def _inputs(template: Template) -> list[str]:
    return [parameter.name for parameter in (template.inputs and template.inputs.parameters) or ()]


def _handed_on(outputs: Outputs | None, *, step: str) -> Outputs | None:
    """Return the outputs of a step as those of the template around it."""
    names = [parameter.name for parameter in (outputs and outputs.parameters) or ()]
    values = {name: ValueFrom(parameter=f"{{{{steps.{step}.outputs.parameters.{name}}}}}") for name in names}
    return Outputs(parameters=[Parameter(name=n, value_from=v) for n, v in values.items()]) if names else None
