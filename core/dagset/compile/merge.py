"""The user's last word: a patch in Kubernetes' own terms, merged into what was compiled."""

from typing import Any

__all__ = ["merged"]

# By which key the items of a list are told apart; other lists of mappings go by name where all items have one, and
# are replaced else (kubernetes/api: core/v1/types.go, patchMergeKey).
MERGE_KEYS = {"volumeMounts": "mountPath", "ports": "containerPort", "hostAliases": "ip", "tolerations": ""}


def merged(base: Any, patch: Any, *, key: str = "") -> Any:
    """Return `base` with `patch` over it: mappings key by key, null removes, lists by name, all else is replaced.

    `key` is the name of what is merged, which decides how a list's items are told apart.
    """
    if isinstance(base, dict) and isinstance(patch, dict):
        result = {name: value for name, value in base.items() if patch.get(name, value) is not None}
        given = {name: value for name, value in patch.items() if value is not None}
        return {**result, **{name: merged(base.get(name), value, key=name) for name, value in given.items()}}
    if isinstance(base, list) and isinstance(patch, list):
        return _merged_lists(base, patch, by=MERGE_KEYS.get(key, "name"))
    return _without_nulls(patch)


def _merged_lists(base: list[Any], patch: list[Any], *, by: str) -> list[Any]:
    """Merge items of the same name, in the order of `base`, new ones behind; lists of anything else are replaced."""
    if not by or not all(isinstance(item, dict) and by in item for item in [*base, *patch]):
        return [_without_nulls(item) for item in patch]
    items = {item[by]: item for item in base}
    for item in patch:
        items[item[by]] = merged(items.get(item[by]), item)
    return list(items.values())


def _without_nulls(value: Any) -> Any:
    """Return a value that meets nothing to remove: what it removes is not there."""
    if isinstance(value, dict):
        return {key: _without_nulls(each) for key, each in value.items() if each is not None}
    return [_without_nulls(each) for each in value] if isinstance(value, list) else value
