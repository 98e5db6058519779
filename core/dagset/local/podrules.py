"""What the API refuses of a pod's spec, as far as compile writes it and users patch it.

Source:
    Kubernetes 1.36, pkg/apis/core/validation/validation.go (ValidatePodSpec); the texts are theirs.
"""

from collections.abc import Callable, Iterator
from typing import Any

from dagset.local.forms import dns_label, label_value, qualified_name, quoted, subdomain, variable_name
from dagset.local.objects import Object
from dagset.local.quantities import value_of
from dagset.local.status import Cause, too_low, unsupported

__all__ = ["label_causes", "pod_causes", "pod_template_causes"]

_OVERCOMMITTED = ("cpu", "memory", "ephemeral-storage")
_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


def label_causes(labels: Any, *, at: str) -> Iterator[Cause]:
    """Give what is wrong with labels."""
    for key, value in (labels or {}).items():
        for problem, what in ((qualified_name(key), key), (label_value(value), value)):
            if problem is not None:
                yield Cause(at, f"Invalid value: {quoted(what)}: {problem}")


def pod_template_causes(template: Object, *, at: str) -> Iterator[Cause]:
    """Give what is wrong with the metadata of a pod template."""
    metadata = template.get("metadata") or {}
    yield from label_causes(metadata.get("labels"), at=f"{at}.labels")
    for key in metadata.get("annotations") or {}:
        if (problem := qualified_name(key)) is not None:
            yield Cause(f"{at}.annotations", f"Invalid value: {quoted(key)}: {problem}")


def pod_causes(spec: Object, *, at: str) -> Iterator[Cause]:
    """Give what is wrong with a pod's spec."""
    volumes = [volume.get("name") for volume in spec.get("volumes") or []]
    yield from _of_volumes(spec, at=f"{at}.volumes")
    if not spec.get("containers"):
        yield _required(f"{at}.containers")
    for field in ("containers", "initContainers"):
        names = [container.get("name") for container in spec.get(field) or []]
        for number, container in enumerate(spec.get(field) or []):
            where = f"{at}.{field}[{number}]"
            if container.get("name") in names[:number]:
                yield _duplicate(f"{where}.name", container["name"])
            yield from _of_container(container, at=where, volumes=volumes)
    yield from label_causes(spec.get("nodeSelector"), at=f"{at}.nodeSelector")
    yield from _of_tolerations(spec, at=f"{at}.tolerations")
    forms = {"serviceAccountName": subdomain, "priorityClassName": subdomain, "hostname": dns_label}
    yield from _of_names(spec, forms={**forms, "subdomain": dns_label}, at=at)


def _of_names(spec: Object, *, forms: dict[str, Callable[[object], str | None]], at: str) -> Iterator[Cause]:
    for field, problem_of in forms.items():
        if spec.get(field) and (problem := problem_of(spec[field])) is not None:
            yield Cause(f"{at}.{field}", f"Invalid value: {quoted(spec[field])}: {problem}")


def _of_volumes(spec: Object, *, at: str) -> Iterator[Cause]:
    volumes = spec.get("volumes") or []
    names = [volume.get("name") for volume in volumes]
    for number, volume in enumerate(volumes):
        where, sources = (
            f"{at}[{number}]",
            [key for key, value in volume.items() if key != "name" and value is not None],
        )
        if not volume.get("name"):
            yield _required(f"{where}.name")
        elif (problem := dns_label(volume["name"])) is not None:
            yield Cause(f"{where}.name", f"Invalid value: {quoted(volume['name'])}: {problem}")
        elif volume["name"] in names[:number]:
            yield _duplicate(f"{where}.name", volume["name"])
        for source in sources[1:]:
            message = "Forbidden: may not specify more than 1 volume type"
            yield Cause(f"{where}.{source}", message, "FieldValueForbidden")


def _of_container(container: Object, *, at: str, volumes: list[Any]) -> Iterator[Cause]:
    name = container.get("name")
    if not name:
        yield _required(f"{at}.name")
    elif (problem := dns_label(name)) is not None:
        yield Cause(f"{at}.name", f"Invalid value: {quoted(name)}: {problem}")
    if not container.get("image"):
        yield _required(f"{at}.image")
    for field, supported in (
        ("imagePullPolicy", ("Always", "IfNotPresent", "Never")),
        ("terminationMessagePolicy", ("File", "FallbackToLogsOnError")),
    ):
        if container.get(field) and container[field] not in supported:
            yield unsupported(f"{at}.{field}", container[field], supported)
    yield from _of_environment(container, at=at)
    yield from _of_mounts(container, at=f"{at}.volumeMounts", volumes=volumes)
    yield from _of_resources(container.get("resources") or {}, at=f"{at}.resources")


def _of_environment(container: Object, *, at: str) -> Iterator[Cause]:
    """Values may be secrets: no message has one."""
    for number, variable in enumerate(container.get("env") or []):
        where, name = f"{at}.env[{number}]", variable.get("name")
        if not name:
            yield _required(f"{where}.name")
        elif (problem := variable_name(name)) is not None:
            yield Cause(f"{where}.name", f"Invalid value: {quoted(name)}: {problem}")
        if variable.get("value") and variable.get("valueFrom"):
            message = 'Invalid value: "": may not be specified when `value` is not empty'
            yield Cause(f"{where}.valueFrom", message)
    for number, source in enumerate(container.get("envFrom") or []):
        prefix = source.get("prefix")
        if prefix and (problem := variable_name(prefix)) is not None:
            yield Cause(f"{at}.envFrom[{number}].prefix", f"Invalid value: {quoted(prefix)}: {problem}")
        if not source.get("configMapRef") and not source.get("secretRef"):
            message = 'Invalid value: "": must specify one of: `configMapRef` or `secretRef`'
            yield Cause(f"{at}.envFrom", message)


def _of_mounts(container: Object, *, at: str, volumes: list[Any]) -> Iterator[Cause]:
    mounts = container.get("volumeMounts") or []
    paths = [mount.get("mountPath") for mount in mounts]
    for number, mount in enumerate(mounts):
        where, path = f"{at}[{number}]", mount.get("mountPath")
        if mount.get("name") not in volumes:
            yield Cause(f"{where}.name", f"Not found: {quoted(mount.get('name') or '')}", "FieldValueNotFound")
        if not path:
            yield _required(f"{where}.mountPath")
        elif path in paths[:number]:
            yield Cause(f"{where}.mountPath", f"Invalid value: {quoted(path)}: must be unique")
        if ".." in (mount.get("subPath") or "").split("/"):
            yield Cause(f"{at}.subPath", f"Invalid value: {quoted(mount['subPath'])}: must not contain '..'")


def _of_resources(resources: Object, *, at: str) -> Iterator[Cause]:
    requests, limits = resources.get("requests") or {}, resources.get("limits") or {}
    for field, amounts in (("limits", limits), ("requests", requests)):
        for name, amount in amounts.items():
            yield from _of_amount(name, amount, at=f"{at}.{field}[{name}]")
    for name, amount in requests.items():
        limit = limits.get(name)
        if limit is None and "/" in name:
            message = "Required value: Limit must be set for non overcommitable resources"
            yield Cause(f"{at}.limits", message, "FieldValueRequired")
        elif limit is not None and value_of(amount) > value_of(limit):
            why = f"must be less than or equal to {name} limit of {limit}"
            yield Cause(f"{at}.requests", f'Invalid value: "{amount}": {why}')


def _of_amount(name: str, amount: Any, *, at: str) -> Iterator[Cause]:
    if value_of(amount) < 0:
        yield too_low(at, f'"{amount}"')
    elif name not in _OVERCOMMITTED and "/" not in name and not name.startswith("hugepages-"):
        for rule in (
            "must be a standard resource type or fully qualified",
            "must be a standard resource for containers",
        ):
            yield Cause(at, f'Invalid value: "{name}": {rule}')
    elif "/" in name and value_of(amount).denominator != 1:
        yield Cause(at, f'Invalid value: "{amount}": must be an integer')


def _of_tolerations(spec: Object, *, at: str) -> Iterator[Cause]:
    for number, toleration in enumerate(spec.get("tolerations") or []):
        where, operator, effect = f"{at}[{number}]", toleration.get("operator"), toleration.get("effect")
        if operator == "Exists" and toleration.get("value"):
            why = "value must be empty when `operator` is 'Exists'"
            yield Cause(f"{where}.operator", f"Invalid value: {quoted(toleration['value'])}: {why}")
        elif operator and operator not in ("Equal", "Exists"):
            yield unsupported(f"{where}.operator", operator, ("Equal", "Exists"))
        if effect and effect not in _EFFECTS:
            yield unsupported(f"{where}.effect", effect, _EFFECTS)


def _required(field: str) -> Cause:
    return Cause(field, "Required value", "FieldValueRequired")


def _duplicate(field: str, name: str) -> Cause:
    return Cause(field, f"Duplicate value: {quoted(name)}", "FieldValueDuplicate")
