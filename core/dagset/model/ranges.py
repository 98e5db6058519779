"""Index sets as Kubernetes writes them: `0,2-4` (kubernetes/enhancements: KEP-3850)."""

import re

from dagset.errors import InvalidNode
from dagset.model.showing import shown

__all__ = ["parse_ranges"]

RANGE = re.compile(r"(\d{1,10})(?:-(\d{1,10}))?")


def parse_ranges(text: str) -> list[tuple[int, int]]:
    """Return (first, last) pairs, ascending and apart; never the expanded indexes, which may be millions."""
    pairs: list[tuple[int, int]] = []
    for part in text.split(","):
        match = RANGE.fullmatch(part)
        if match is None:
            raise InvalidNode(f"{shown(text)} is not a set of indexes", remedy="write 0, 0,2 or 0-3,7")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first or (pairs and first <= pairs[-1][1]):
            raise InvalidNode(f"{shown(text)} is not in ascending order", remedy="write 0-3,7")
        pairs.append((first, last))
    return pairs
