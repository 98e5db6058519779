"""One row per figure, as a table for people and as JSON."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

__all__ = ["Row", "table", "write"]


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of ours and, in the same unit and the same run, a peer's; `target` is what we hold ourselves to."""

    what: str
    case: str
    unit: str
    ours: float
    peer: str = ""
    theirs: float | None = None
    target: str = ""

    @property
    def ratio(self) -> float | None:
        """Theirs by ours: above 1 we need less."""
        return None if self.theirs is None or not self.ours else self.theirs / self.ours


def table(rows: Sequence[Row]) -> str:
    """Return the rows in aligned columns."""
    head = ("what", "case", "unit", "dagset", "peer", "peer's", "times", "target")
    cells = [head, *(_cells(row) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells)


def write(rows: Sequence[Row], path: Path) -> None:
    """Write the rows and the machine they were measured on."""
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()}
    figures = [{**asdict(row), "ratio": row.ratio} for row in rows]
    path.write_text(json.dumps({"machine": machine, "rows": figures}, indent=2) + "\n")


def _cells(row: Row) -> tuple[str, ...]:
    theirs = "" if row.theirs is None else _number(row.theirs)
    ratio = "" if row.ratio is None else _number(row.ratio)
    return (row.what, row.case, row.unit, _number(row.ours), row.peer, theirs, ratio, row.target)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
