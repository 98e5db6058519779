"""What became of each thing that was said: the part of an import that a person reads, and that --strict judges."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

__all__ = ["Entry", "Fate", "is_lost", "table"]

Fate = Literal["mapped", "approximated", "dropped", "unknown", "ignored"]
LOST = ("dropped", "unknown")


@dataclass(frozen=True, slots=True)
class Entry:
    """One option of a script, or one field of an object, as it was written, and its fate.

    Attributes:
        option: its full name, or the path of a field; "" for a line that is no option, and for what is not said at all.
        text: as it was written; line: where, 0 for what stands in no line, of which `beside` says where.
        how: mapped · approximated · dropped · unknown (no option of sbatch's own: of a site's plugin, or a slip) ·
            ignored (there too).
        becomes: the words of the node, or why there are none.
    """

    option: str
    text: str
    line: int
    how: Fate
    becomes: str
    beside: str = "--with"


def is_lost(entry: Entry) -> bool:
    """Whether it would have been acted on, and the node does not."""
    return entry.how in LOST


def table(entries: Sequence[Entry]) -> str:
    """Return the report as people read it: a line for each entry, in columns."""
    rows = [(str(each.line or each.beside), each.text, each.how, each.becomes.replace("`", "")) for each in entries]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
    lines = [
        "  ".join((*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3])) for row in rows
    ]
    return "\n".join([*lines, _sum(entries)])


def _sum(entries: Iterable[Entry]) -> str:
    counts: dict[str, int] = {}
    for each in entries:
        counts[each.how] = counts.get(each.how, 0) + 1
    return ", ".join(f"{count} {how}" for how, count in counts.items()) or "nothing said"
