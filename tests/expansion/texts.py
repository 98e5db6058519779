"""The texts of texts.yaml, and a pod that prints what arrives of them."""

from pathlib import Path
from typing import Any

import yaml

__all__ = ["MEANT", "PROGRAM", "ROWS", "printing", "written"]

ROWS: list[dict[str, str]] = yaml.safe_load((Path(__file__).parent / "texts.yaml").read_text())
# The program prints its arguments and one variable as JSON in ASCII, so that no line end or encoding hides anything.
PROGRAM = 'import json, os, sys; print(json.dumps([*sys.argv[1:], os.environ["ALL"]]))'


def written(place: str) -> list[str]:
    """Return the texts as they are written in a place (file, airflow, shell), last all of them in one."""
    before = {"airflow": "file"}.get(place, "meant")
    texts = [row.get(place, row.get(before, row["meant"])) for row in ROWS]
    return [*texts, "".join(texts)]


def printing(place: str) -> dict[str, Any]:
    """Return the words of a pod that prints the texts: $(X) and $X would lead to something."""
    texts = written(place)
    return {
        "image": "python:3.11-slim",
        "command": ["python3", "-c", PROGRAM],
        "args": texts,
        "env": {"X": "expanded", "ALL": texts[-1]},
    }


MEANT = [*(row["meant"] for row in ROWS), "".join(row["meant"] for row in ROWS)]
MEANT.append(MEANT[-1])  # as a variable
