"""An Outcome as the JSON values of design.md 8, for whoever hands it on, and back."""

from typing import Any

import msgspec

from dagset.observe.outcome import Outcome

__all__ = ["outcome_of", "plain"]


def plain(outcome: Outcome) -> dict[str, Any]:
    """Return the fields of an Outcome as what JSON has: texts, numbers, lists, dicts, None."""
    told: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(outcome))
    return told


def outcome_of(told: dict[str, Any]) -> Outcome:
    """Return the Outcome that `plain` gave; fields of a newer dagset are passed over.

    Raises:
        msgspec.ValidationError: it is none.
    """
    return msgspec.convert(told, Outcome)
