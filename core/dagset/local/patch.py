"""Changes by patch and by replacement: which part of an object a request may touch."""

from typing import Any

from dagset.local.objects import Object
from dagset.local.status import ApiError

__all__ = ["PATCH_TYPES", "check_patch_type", "merged", "with_only_status", "without_status_change"]

# Strategic merge differs from merge only in lists (by key there); label, annotate and our own patches have none.
PATCH_TYPES = ("application/merge-patch+json", "application/strategic-merge-patch+json")


def merged(current: Any, patch: Any) -> Any:
    """Give the result of a JSON merge patch: maps key by key, null removes, all else replaces.

    Source:
        RFC 7396, section 2.
    """
    if not isinstance(patch, dict):
        return patch
    result = {**current} if isinstance(current, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def without_status_change(current: Object, *, wanted: Object) -> Object:
    """Give the wanted object with the present status: the main resource cannot write it."""
    rest = {key: value for key, value in wanted.items() if key != "status"}
    return {**rest, "status": current["status"]} if "status" in current else rest


def with_only_status(current: Object, *, wanted: Object) -> Object:
    """Give the present object with the wanted status: the status subresource writes nothing else."""
    rest = {key: value for key, value in current.items() if key != "status"}
    return {**rest, "status": wanted["status"]} if "status" in wanted else rest


def check_patch_type(content_type: str) -> None:
    """Refuse patches in formats that the server does not speak, with 415."""
    if content_type not in PATCH_TYPES:
        known = ", ".join(PATCH_TYPES)
        message = f"the local cluster takes patches of type {known}; this one is {content_type!r}"
        raise ApiError(415, "UnsupportedMediaType", message)
