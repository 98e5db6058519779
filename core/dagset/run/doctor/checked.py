"""The answer to one question."""

from typing import Literal

import msgspec

__all__ = ["Checked", "Level", "of_error"]

Level = Literal["ok", "warning", "problem", "left out"]


class Checked(msgspec.Struct, frozen=True):
    """`problem`: nodes will not run so; `warning`: some will not; `left out`: it could not be asked.

    `remedy` is what to do, "" where nothing has to be done or the message holds it.
    """

    level: Level
    what: str
    message: str
    remedy: str = ""


def of_error(level: Level, what: str, error: Exception, remedy: str = "") -> Checked:
    """Return an answer that is the text of an error, on one line."""
    return Checked(level, what, " ".join(line.strip() for line in str(error).splitlines()), remedy)
