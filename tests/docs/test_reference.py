"""docs/reference.md is made from the model: `pytest --update-golden tests/docs`. refused.yaml says what to refuse."""

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import yaml

from dagset.errors import InvalidNode
from dagset.model import DagNode
from dagset.model.coerce import DURATIONS
from dagset.model.loader import node_from
from dagset.model.role import Role, RoleWords
from dagset_hera.unheld import UNHELD
from tests.docs.pages import ROOT

PAGE = ROOT / "docs" / "reference.md"
REFUSED: dict[str, list[str]] = yaml.safe_load((ROOT / "tests" / "docs" / "refused.yaml").read_text())
BASE = {"name": "train", "image": "acme/train:1"}
HEAD = """\
# Each word

Made from the model and from what it answers (`pytest --update-golden tests/docs` writes it anew). How the words work
together: [The words of a node](model.md). How each is given in an engine: [Each word in each engine](words.md).

`null` is the same as leaving a word out, where its type says *or nothing*. Numbers may be given as text. A duration is
days, hours, minutes and seconds in this order: `2d`, `1h30m`, `90s`. An amount of memory has a suffix: `Ki Mi Gi Ti Pi`
(powers of 1024), `k M G T P` (of 1000). An amount of cpus: `4`, `0.5`, `500m`.
"""
OF_NODE = "\n## Words of the node\n"
OF_ROLE = """
## Words of a role

They stand in an entry of `roles`, or, of a node of one role, at top level.
"""
IN_WORDS = {"integer": "whole number", "number": "number", "string": "text", "boolean": "true or false"}
MEMORY = {"memory", "memory_limit", "shm", "ephemeral_storage"}
CPU = {"cpu", "cpu_limit"}
HUGE = 2**31 - 1
ROLES = "groups of identical pods, in order; the first one's index 0 is the coordinator"


def page() -> str:
    """Return the whole page."""
    of_role = {field.name for field in msgspec.structs.fields(RoleWords)}
    node, role = schemas(DagNode), schemas(Role)
    parts = [HEAD, OF_NODE]
    parts += [section(word, schema) for word, schema in node.items() if word not in of_role]
    parts += [OF_ROLE, section("name", role["name"], title="name (of a role)")]
    parts += [section(word, role[word]) for word in (*(word for word in role if word in of_role), "after")]
    return "".join(parts)


def schemas(struct: type) -> dict[str, dict[str, Any]]:
    """Return what each word's declaration says."""
    properties = msgspec.json.schema(struct)["$defs"][struct.__name__]["properties"]
    return {field.name: properties[field.name] for field in msgspec.structs.fields(struct)}


def section(word: str, schema: dict[str, Any], *, title: str = "") -> str:
    """Return what the page says of a word."""
    lines = [f"\n### {title or f'`{word}`'}", "", schema.get("description", ROLES), ""]
    lines += [f"- **type**: {type_of(word, schema)}", f"- **default**: {default_of(schema)}"]
    if "examples" in schema:
        lines.append(f"- **example**: `{word}: {spelled(schema['examples'][0])}`")
    if word in UNHELD:
        _, problem, remedy = UNHELD[word]
        lines.append(f"- **Argo** resource template, refused: {problem}; {remedy}")
    if not title:
        lines += ["- **refused**, for example:", "", *refusals(word)]
    return "\n".join([*lines, ""])


def type_of(word: str, schema: dict[str, Any]) -> str:
    """Return a type with its bounds, in words."""
    may_be_left_out = ", or nothing" if {"type": "null"} in schema.get("anyOf", ()) else ""
    for words, kind in ((DURATIONS, "a duration"), (MEMORY, "an amount of memory"), (CPU, "an amount of cpus")):
        if word in words:
            return f"{kind}{may_be_left_out}"
    return f"{spoken(schema)}{may_be_left_out}"


def spoken(schema: dict[str, Any]) -> str:
    """Return a schema in words."""
    if "anyOf" in schema:
        return " or ".join(spoken(each) for each in schema["anyOf"] if each != {"type": "null"})
    if "$ref" in schema:
        return f"a mapping of {fields_of(schema['$ref'].rsplit('/', 1)[1])}"
    if "enum" in schema:
        return " · ".join(f"`{each}`" for each in schema["enum"] if each is not None)
    if schema.get("type") == "array":
        return f"list of: {spoken(schema['items'])}"
    if schema.get("type") == "object":
        values = schema.get("additionalProperties")
        return f"mapping of names to: {spoken(values)}" if values else "mapping in Kubernetes' own words"
    return IN_WORDS[schema["type"]] + bounds(schema)


def bounds(schema: dict[str, Any]) -> str:
    """Return the range of a number or the form of a text."""
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is not None:
        return f", {least} or more" if most in (None, HUGE) else f", {least} to {most:,}"
    longest = f", at most {schema['maxLength']} characters" if "maxLength" in schema else ""
    if "pattern" in schema:
        dots = ", dots" if r"\." in schema["pattern"] else ""
        return f" of lower-case letters, digits, hyphens{dots}{longest}"
    return longest


def fields_of(name: str) -> str:
    """Return the words of a part of the model."""
    if name == "Role":
        return "a role's words (below)"
    parts = msgspec.json.schema(DagNode)["$defs"] | msgspec.json.schema(Role)["$defs"]
    return ", ".join(f"`{word}`" for word in parts[name]["properties"])


def default_of(schema: dict[str, Any]) -> str:
    """Return the default as it would be written."""
    default = schema.get("default")
    return "none" if not default and default != 0 else f"`{spelled(default)}`"


def spelled(value: Any) -> str:
    """Return a value as it stands in a node file."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def refusals(word: str) -> Iterator[str]:
    """Yield what is typed and what the model answers, in a block."""
    yield "  ```text"
    for index, text in enumerate(REFUSED[word]):
        if index:
            yield ""
        yield from (f"  {line}" for line in text.splitlines())
        yield f"    -> {answer(text)}"
    yield "  ```"


def answer(text: str) -> str:
    """Return the refusal of a node that says this too."""
    told = {line.partition(":")[0] for line in text.splitlines()}
    base = [f"{word}: {value}\n" for word, value in BASE.items() if word not in told]
    try:
        node_from("".join(base[: 1 if "roles" in told else 2]) + text)
    except InvalidNode as error:
        return str(error)
    raise AssertionError(f"accepted: {text}")


def test_the_reference_is_as_the_model_says(golden):
    golden(PAGE, page())


def test_every_word_tells_what_it_refuses():
    words = {field.name for struct in (DagNode, Role) for field in msgspec.structs.fields(struct)}

    assert words == set(REFUSED)
