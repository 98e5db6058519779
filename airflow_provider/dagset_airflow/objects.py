"""Objects of the kubernetes clients (V1Toleration, V1EnvVar...) as the plain values that words take.

They are told by their shape, for importing a client takes a second: every model class of both clients has
`openapi_types` and `attribute_map` (kubernetes: client/models/; kubernetes_asyncio has the same).
"""

from collections.abc import Callable, Mapping
from typing import Any

from dagset.errors import InvalidNode

__all__ = ["as_words", "plain_value"]


def plain_value(value: Any) -> Any:
    """Return a value in which every client object is a mapping in Kubernetes' own spelling; all else stays as it is."""
    if isinstance(value, Mapping) and not isinstance(value, dict):
        return value
    if isinstance(value, dict):
        return _same_or({key: plain_value(inner) for key, inner in value.items()}, value)
    if isinstance(value, list | tuple) and type(value) in (list, tuple):
        return _same_or(type(value)(plain_value(inner) for inner in value), value)
    spelled = getattr(value, "attribute_map", None)
    if not isinstance(spelled, dict) or not hasattr(value, "openapi_types"):
        return value
    told = {key: getattr(value, name) for name, key in spelled.items()}
    return {key: plain_value(inner) for key, inner in told.items() if inner is not None}


def as_words(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the words with what Kubernetes spells otherwise turned into the model's spelling.

    Lists of V1EnvVar, V1EnvFromSource and V1LocalObjectReference, and a V1Volume as the `source` of a volume.

    Raises:
        InvalidNode: what no word can say, with the word that can.
    """
    return {word: SPELLED[word](value) if word in SPELLED else value for word, value in given.items()}


def _same_or(new: Any, old: Any) -> Any:
    """Return the old one where nothing in it is another: what Airflow has marked for itself stays what it is."""
    is_same = all(a is b for a, b in zip(_items(new), _items(old), strict=True))
    return old if is_same else new


def _items(value: Any) -> Any:
    return value.values() if isinstance(value, dict) else value


def _env(value: Any) -> Any:
    if not _is_list_of(value, "name"):
        return value
    for each in value:
        if "valueFrom" in each:
            remedy = "take env_from for a whole Secret or ConfigMap, pod_patch for a single key or a field"
            raise InvalidNode(f"{each['name']!r} has its value from elsewhere", field="env", remedy=remedy)
    return {each["name"]: each.get("value", "") for each in value}


def _env_from(value: Any) -> Any:
    if not isinstance(value, list | tuple):
        return value
    return [_source(each) if isinstance(each, dict) else each for each in value]


def _source(each: dict[str, Any]) -> dict[str, Any]:
    for theirs, ours in (("configMapRef", "config_map"), ("secretRef", "secret")):
        if theirs in each:
            more = {key: each[theirs][key] for key in ("optional",) if key in each[theirs]}
            return {ours: each[theirs]["name"], **({"prefix": each["prefix"]} if "prefix" in each else {}), **more}
    return each


def _image_pull_secrets(value: Any) -> Any:
    return [each["name"] for each in value] if _is_list_of(value, "name") else value


def _volumes(value: Any) -> Any:
    if _is_list_of(value, "name"):
        remedy = "write volumes={name: {'mount_path': path, 'source': the V1Volume}}"
        raise InvalidNode("a volume needs its place in the container", field="volumes", remedy=remedy)
    if not isinstance(value, dict):
        return value
    return {name: _volume(each) for name, each in value.items()}


def _volume(each: Any) -> Any:
    source = each.get("source") if isinstance(each, dict) else None
    if not isinstance(source, dict) or "name" not in source:
        return each
    return {**each, "source": {key: inner for key, inner in source.items() if key != "name"}}


def _is_list_of(value: Any, key: str) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(e, dict) and key in e for e in value)


SPELLED: dict[str, Callable[[Any], Any]] = {
    "env": _env,
    "env_from": _env_from,
    "image_pull_secrets": _image_pull_secrets,
    "volumes": _volumes,
}
