"""Total readers of foreign JSON: whatever was sent, a value of the asked type comes back and nothing is raised."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

__all__ = ["dig", "mapping", "items", "text", "count", "truth", "ordinal", "seconds", "rfc3339", "conditions"]

INT32_MAX = 2**31 - 1
LAST_SECOND = 253402300799  # of the year 9999, the last that `datetime` can spell


def dig(obj: object, *path: str) -> Any:
    """Return what lies at `path`, None when any step is missing or not a mapping."""
    for key in path:
        if not isinstance(obj, Mapping):
            return None
        obj = obj.get(key)
    return obj


def mapping(obj: object, *path: str) -> Mapping[str, Any]:
    """Return the mapping at `path`, an empty one for anything else."""
    found = dig(obj, *path)
    return found if isinstance(found, Mapping) else {}


def items(obj: object, *path: str) -> Iterator[Mapping[str, Any]]:
    """Yield the mappings in the list at `path`."""
    found = dig(obj, *path)
    for item in found if isinstance(found, list | tuple) else ():
        if isinstance(item, Mapping):
            yield item


def text(obj: object, *path: str) -> str:
    """Return the string at `path`, "" for anything else."""
    found = dig(obj, *path)
    return found if isinstance(found, str) else ""


def count(obj: object, *path: str) -> int:
    """Return the whole number at `path`, 0 for anything else; the API's numbers are never below 0 and have 32 bits."""
    found = dig(obj, *path)
    return found if isinstance(found, int) and not isinstance(found, bool) and 0 <= found <= INT32_MAX else 0


def truth(obj: object, *path: str) -> bool:
    """Return whether `path` holds true itself."""
    return dig(obj, *path) is True


def ordinal(obj: object, *path: str) -> int | None:
    """Return the number that a label or annotation spells, None when it spells none."""
    spelled = text(obj, *path)
    return int(spelled) if spelled.isascii() and spelled.isdigit() and len(spelled) < 12 else None


def seconds(obj: object, *path: str) -> float | None:
    """Return the RFC 3339 time at `path` as seconds since the epoch, None when there is none."""
    try:
        when = datetime.fromisoformat(text(obj, *path))
    except ValueError:
        return None
    at = (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
    return at if 0 <= at <= LAST_SECOND else None


def rfc3339(at: float | None) -> str | None:
    """Return the time as the API spells it (whole seconds, UTC), None for None."""
    return None if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def conditions(obj: object) -> dict[str, Mapping[str, Any]]:
    """Return the conditions that are True, by type."""
    return {text(each, "type"): each for each in items(obj, "status", "conditions") if text(each, "status") == "True"}
