"""What a follower of ours writes onto the owner before it deletes it, so that every other one tells the same end."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from dagset import constants
from dagset.observe import reading
from dagset.observe.verdicts import REASONS

__all__ = ["Ending", "ending_of", "ending_text"]

MESSAGE_LENGTH = 1000


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a node was ended by us: a word of design.md 8 and a sentence for people, which may be empty."""

    reason: str
    message: str


def ending_text(ending: Ending) -> str:
    """Return the value of the annotation."""
    return msgspec.json.encode({"reason": ending.reason, "message": ending.message[:MESSAGE_LENGTH]}).decode()


def ending_of(owner: Mapping[str, Any]) -> Ending | None:
    """Return what is written on the owner, None when nothing is; a word that we do not know reads as `cancelled`."""
    spelled = reading.text(owner, "metadata", "annotations", constants.END)
    if not spelled:
        return None
    try:
        told = msgspec.json.decode(spelled.encode(errors="replace"))
    except msgspec.DecodeError:
        told = {}
    reason = reading.text(told, "reason")
    known = reason in REASONS and reason != "succeeded"
    return Ending(reason if known else "cancelled", reading.text(told, "message")[:MESSAGE_LENGTH])
