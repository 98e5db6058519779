"""From what a user wrote to typed fields: one refusal, naming field, value and remedy.

msgspec checks types only when it decodes; here every field is converted when a struct is made, so that YAML, JSON and
Python callers meet the same rules and the same sentences.
"""

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from dagset.errors import InvalidNode
from dagset.model.identity import dns_safe
from dagset.model.showing import MAX_SHOWN, shown

__all__ = ["check_text", "convert_fields", "refuse_unknown", "shown"]

# Their values may be secrets and never appear in a message.
PRIVATE = frozenset({"env", "files", "annotations", "pod_patch", "object_patch"})
DURATIONS = frozenset({"deadline", "ttl", "grace_period", "start_timeout", "queue_timeout"})
ELSEWHERE = {
    "replicas": "pods",
    "completions": "pods",
    "size": "pods",
    "retries": "restarts (a retry is a new node, made by the engine)",
    "timeout": "deadline",
    "resources": "cpu, memory and gpu",
    "requests": "cpu, memory and gpu",
    "limits": "cpu, memory and gpu",
    "gpus": "gpu",
    "entrypoint": "command",
    "queue": "queue_name",
    "service_account": "service_account_name",
    "priority_class": "priority_class_name",
    "shm_size": "shm",
    "depends_on": "after (in a role)",
    "after": "roles (one of them can be after another)",
    "backoff_limit": "restarts",
    "max_restarts": "restarts",
    "nodes": "pods",
    "pull_policy": "image_pull_policy",
    "volume_mounts": "volumes (each has its mount_path)",
    "restart_policy": "pod_patch, if it must be another than Never",
}
IN_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "array": "a list",
    "object": "a mapping",
    "bool": "true or false",
    "null": "nothing",
}


def convert_fields(struct: msgspec.Struct, *, skip: Iterable[str] = ()) -> None:
    """Convert every field of a new frozen struct to its declared type, in place.

    Raises:
        InvalidNode: for the first field that does not fit; values of `PRIVATE` fields are withheld.
    """
    for field in msgspec.structs.fields(struct):
        if field.name in skip:
            continue
        value = getattr(struct, field.name)
        try:
            # Not strict: text that spells a number or a truth will do for one, for templates yield nothing else.
            converted = msgspec.convert(value, field.type, strict=False)
        except InvalidNode as error:
            raise error.at(field.name) from None
        except msgspec.ValidationError as error:
            refusal = _refusal(field, value, str(error))
            if isinstance(error.__cause__, InvalidNode):  # what lies inside has said itself what is wrong
                told = error.__cause__
                refusal = InvalidNode(told.problem, field=refusal.field, remedy=told.remedy)
            raise refusal from None
        msgspec.structs.force_setattr(struct, field.name, converted)


def _choices(info: Any) -> list[Any]:
    """Return the words that a type allows."""
    if isinstance(info, msgspec.inspect.Metadata):
        return _choices(info.type)
    if isinstance(info, msgspec.inspect.UnionType):
        return [choice for each in info.types for choice in _choices(each)]
    return list(info.values) if isinstance(info, msgspec.inspect.LiteralType) else []


def _refusal(field: msgspec.structs.FieldInfo, value: object, message: str) -> InvalidNode:
    """Turn msgspec's sentence into ours: its path is appended to the field, its words follow the value."""
    words, _, path = message.partition(" - at ")
    choices = ", ".join(map(str, _choices(msgspec.inspect.type_info(field.type))))
    if words.startswith("Invalid enum value") and choices:
        return InvalidNode(f"{shown(value)} is not a choice", field=field.name, remedy=f"choose from {choices}")
    inner = path.strip("`").removeprefix("$") if not path.startswith("`key`") else ""
    inner = inner.replace("[...]", _culprit(field, value), 1)
    shown_value = "the value" if field.name in PRIVATE else shown(_inner(value, inner))
    if path.startswith("`key`"):
        shown_value = "a key"
    remedy = _remedy(field, value)
    problem = f"{shown_value} does not fit: {_in_words(words)}"
    return InvalidNode(problem, field=field.name + inner, remedy=remedy)


def _culprit(field: msgspec.structs.FieldInfo, value: object) -> str:
    """Return which key of a mapping has the value that does not fit: msgspec does not say."""
    for key, each in value.items() if isinstance(value, Mapping) else ():
        try:
            msgspec.convert({key: each}, field.type)
        except (msgspec.ValidationError, InvalidNode):
            return f"[{key}]"
    return ""


def _in_words(message: str) -> str:
    """Turn "Expected `int | null`, got `str`" into words that people use for YAML."""
    text = re.sub(r" matching regex .*", " of another form", message.replace(" | null`", "`"))
    text = re.sub(r"`([\w| ]+)`", lambda types: " or ".join(IN_WORDS.get(t, t) for t in types[1].split(" | ")), text)
    return text[:1].lower() + text[1:]


def _remedy(field: msgspec.structs.FieldInfo, value: object) -> str:
    """Say what to write instead."""
    if field.name == "command" and isinstance(value, str):
        return f"for example command: {msgspec.json.encode(['sh', '-c', value]).decode()}"
    if field.name == "env":
        return 'quote it, as in LR: "0.1"'
    if field.name in DURATIONS:
        return f"for example {field.name}: {_example(field)} (unquoted, YAML reads 30:00 as 1800: write 30m)"
    if field.name == "name" and isinstance(value, str):
        return f"lower-case letters, digits and hyphens, for example name: {dns_safe(value, max_length=30)}"
    return f"for example {field.name}: {_example(field)}"


def _inner(value: Any, path: str) -> Any:
    """Follow a path such as [2] or .roles[0] as far as it leads."""
    for key in re.findall(r"[^.\[\]]+", path):
        try:
            value = value[int(key) if isinstance(value, list | tuple) else key]
        except (LookupError, TypeError, ValueError):
            return value
    return value


def _example(field: msgspec.structs.FieldInfo) -> str:
    """Return the example that the field's declaration gives."""
    info = msgspec.inspect.type_info(field.type)
    schema = info.extra_json_schema if isinstance(info, msgspec.inspect.Metadata) else None
    examples = (schema or {}).get("examples", ["?"])
    return msgspec.json.encode(examples[0]).decode().strip('"')


def check_text(text: str, *, field: str) -> None:
    """Raise InvalidNode for characters that no process can be given: NUL, and halves of a surrogate pair."""
    for character in text:
        if character == "\0" or "\ud800" <= character <= "\udfff":
            raise InvalidNode(f"holds the character {character!r}", field=field, remedy="remove it")


def refuse_unknown(words: Mapping[str, object], struct: type[msgspec.Struct]) -> None:
    """Raise InvalidNode for the first word that `struct` does not have, with the word that was probably meant."""
    known = [field.name for field in msgspec.structs.fields(struct)]
    for word in words:
        if word in known:
            continue
        close = difflib.get_close_matches(str(word), known, n=1)
        meant = ELSEWHERE.get(str(word)) or (close[0] if close else None)
        remedy = f"did you mean {meant}?" if meant else "`dagset schema` prints all words"
        raise InvalidNode("unknown word", field=str(word)[:MAX_SHOWN], remedy=remedy)
