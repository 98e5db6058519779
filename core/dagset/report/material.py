"""What a report is made of."""

from collections.abc import Sequence
from dataclasses import dataclass

from dagset.observe import Observation
from dagset.report.tracks import Track

__all__ = ["Material", "Tail"]


@dataclass(frozen=True, slots=True)
class Tail:
    """The last lines of the pod of this title (a Track's); `note` says what is missing, "" if nothing is.

    `how` it ended or stands is filled in from its Track.
    """

    title: str
    lines: Sequence[str]
    note: str = ""
    how: str = ""


@dataclass(frozen=True, slots=True)
class Material:
    """What was seen of a node, the lives of its pods (gone ones too, if they were seen), and lines.

    `now` is the server's time, in seconds since the epoch.
    """

    seen: Observation
    tracks: Sequence[Track]
    now: float
    tails: Sequence[Tail] = ()
