"""What Argo makes of a resource template: its substitution and its conditions, as small models for tests.

Written after argo-workflows v4.0.2 (util/template/*.go; workflow/common/util.go, SubstituteParams; workflow/controller:
operator.go, executeTemplate, and workflowpod.go, substitutePodParams; workflow/executor/resource.go, matchConditions),
and compared with that code on the manifests of these tests.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import yaml

GLOBALS = {
    "workflow.name": "nightly-x7k2p",
    "workflow.namespace": "ml",
    "workflow.uid": "4c9f6a1e-9d1b-4c57-a0a6-0d7b3c6f2a10",
}


class Refused(Exception):
    """Argo marks the node as failed before anything is created."""


class _Missing(Exception):
    """A variable that this pass does not know: the tag is left for a later one."""


class _Scope(dict):
    def __getattr__(self, name: str) -> Any:
        if name not in self:
            raise _Missing(name)
        return self[name]

    __missing__ = __getattr__


class _GoYaml(yaml.SafeLoader):
    """Reads numbers and booleans as sigs.k8s.io/yaml does, which kubectl uses: 1e3 and y are no text."""


_GoYaml.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), list("-+0123456789")
)
_GoYaml.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"[yYnN]$"), list("yYnN"))


def made(
    templates: Sequence[dict[str, Any]],
    *,
    values: dict[str, str],
    parameters: dict[str, str] | None = None,
    pod: str = "p-1",
) -> list[dict[str, Any]]:
    """Return the objects that a call of the first template makes; if it has steps, the others are theirs."""
    first = templates[0]
    if "steps" not in first:
        return [sent(first, values=values, parameters=parameters, pod=pod)]
    known = {f"inputs.parameters.{name}": value for name, value in values.items()}
    found = []
    for group, steps in enumerate(first["steps"]):
        for step in steps:
            (called,) = (template for template in templates if template["name"] == step["template"])
            given = {each["name"]: each["value"] for each in step.get("arguments", {}).get("parameters", [])}
            arguments = json.loads(_replaced(_go_json(given), known))
            node = f"n[{group}].{step['name']}"
            found.append(sent(called, values=arguments, parameters=parameters, pod=pod, node=node))
    return found


def sent(
    template: dict[str, Any],
    *,
    values: dict[str, str],
    parameters: dict[str, str] | None = None,
    pod: str = "p-1",
    node: str = "n",
) -> dict[str, Any]:
    """Return the object that the executor creates for one attempt at a step with these arguments."""
    known = GLOBALS | {f"workflow.parameters.{name}": value for name, value in (parameters or {}).items()}
    template = json.loads(_go_json(template))
    for declared in template.get("inputs", {}).get("parameters", []):
        declared["value"] = values.get(declared["name"], declared.get("default"))
    retried = "retryStrategy" in template
    template = _substituted(template, known | {"node.name": node} | ({} if retried else {"pod.name": pod}))
    if retried:
        template = _substituted(template, known | {"retries": "0", "pod.name": pod})
    resource = template["resource"]
    if resource.get("setOwnerReference"):
        resource["manifest"] = yaml.safe_dump(yaml.load(resource["manifest"], Loader=_GoYaml))
    written = _go_json({"env": [{"name": "ARGO_TEMPLATE", "value": _go_json(template)}]})
    in_pod = json.loads(_replaced(written, known | _inputs(template) | {"pod.name": pod}))
    manifest = json.loads(in_pod["env"][0]["value"])["resource"]["manifest"]
    return yaml.load(manifest, Loader=_GoYaml)


def filled(text: str, *, values: dict[str, str]) -> str:
    """Return a text of a container template as it reaches its pod."""
    inputs = {f"inputs.parameters.{name}": value for name, value in values.items()}
    known = GLOBALS | inputs | {"node.name": "n"}
    return str(json.loads(_replaced(_replaced(_go_json(text), known), known)))


def condition_met(condition: str, obj: dict[str, Any], *, of: Any) -> bool:
    """Return whether `of` (any for failureCondition, all for successCondition) requirement of the selector holds."""
    requirements = re.split(r",\s*(?![^()]*\))", condition)
    return bool(of(_holds(requirement, obj) for requirement in requirements))


def _holds(requirement: str, obj: dict[str, Any]) -> bool:
    match = re.fullmatch(
        r"([A-Za-z0-9][-A-Za-z0-9_.]{0,62})(?: (==|in) (?:\(([\w.-]+)\)|([\w.-]{1,63})))?", requirement
    )
    assert match, f"{requirement!r} is no label selector that dagset is known to write"
    found: Any = obj
    for step in match[1].split("."):
        places = dict(enumerate(found)) if isinstance(found, list) else found
        found = places.get(int(step) if step.isdigit() else step) if isinstance(places, dict) else None
    return found is not None and (match[2] is None or str(found) == (match[3] or match[4]))


def _inputs(template: dict[str, Any]) -> dict[str, str]:
    return {
        f"inputs.parameters.{each['name']}": each["value"] for each in template.get("inputs", {}).get("parameters", [])
    }


def _substituted(template: dict[str, Any], known: dict[str, str]) -> dict[str, Any]:
    template = json.loads(_replaced(_go_json(template), known))
    return json.loads(_replaced(_go_json(template), known | _inputs(template)))


def _go_json(value: object) -> str:
    """Return JSON as Go writes it: these six are spelled out."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return re.sub("[<>&\u2028\u2029]", lambda match: f"\\u{ord(match[0]):04x}", text)


def _replaced(text: str, known: dict[str, str]) -> str:
    """Replace the tags in a text of JSON, once, from left to right."""
    done, rest = [], text
    while "{{" in rest:
        before, _, rest = rest.partition("{{")
        tag, end, rest = rest.partition("}}")
        if not end:
            raise Refused("Cannot find end tag")
        done += [before, _evaluated(tag[1:], known) if tag.startswith("=") else _looked_up(tag, known)]
    return "".join([*done, rest])


def _looked_up(tag: str, known: dict[str, str]) -> str:
    if tag.strip() in known:
        return json.dumps(known[tag.strip()], ensure_ascii=False)[1:-1]
    outer, nested, inner = tag.rpartition("{{")
    return "{{" + outer + json.dumps(known[inner])[1:-1] if nested and inner in known else "{{" + tag + "}}"


def _evaluated(expression: str, known: dict[str, str]) -> str:
    """Evaluate an expression: those that dagset writes are Python too, others are refused or change the text."""
    scope = _Scope()
    for name, value in known.items():
        inner = scope
        *path, last = name.split(".", 2)
        for step in path:
            inner = inner.setdefault(step, _Scope())
        inner[last] = value
    sprig = SimpleNamespace(
        trunc=lambda n, text: text[:n],
        sha1sum=lambda text: hashlib.sha1(text.encode()).hexdigest(),
        trimSuffix=lambda suffix, text: text.removesuffix(suffix),
    )
    functions = {"__builtins__": {}, "asInt": int, "toJson": _go_json, "sprig": sprig}
    try:
        result = eval(json.loads(f'"{expression}"'), {**functions, **scope})
    except (NameError, _Missing):
        return "{{=" + expression + "}}"
    except Exception as error:
        raise Refused(f"failed to evaluate expression: {error}") from error
    written = _go_json(result)
    return written[1:-1] if isinstance(result, str) else json.dumps(written)[1:-1]
