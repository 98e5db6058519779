"""Index sets as Kubernetes writes them: `0,2-4` (kubernetes/enhancements: KEP-3850)."""

import re

from dagset.errors import InvalidNode

__all__ = ["parse_ranges", "format_ranges"]

RANGE = re.compile(r"(\d+)(?:-(\d+))?")


def parse_ranges(text: str) -> list[tuple[int, int]]:
    """Return (first, last) pairs, ascending and apart; never the expanded indexes, which may be millions."""
    pairs: list[tuple[int, int]] = []
    for part in text.split(","):
        match = RANGE.fullmatch(part)
        if match is None:
            raise InvalidNode(f"{text!r} is not a set of indexes", remedy="write 0, 0,2 or 0-3,7")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first or (pairs and first <= pairs[-1][1]):
            raise InvalidNode(f"{text!r} is not in ascending order", remedy="write 0-3,7")
        pairs.append((first, last))
    return pairs


def format_ranges(indexes: list[int]) -> str:
    """Return the text for sorted, distinct indexes: 0,2-4; two neighbours stay `3,4`, as the Job controller's."""
    runs: list[list[int]] = []
    for index in indexes:
        if runs and index == runs[-1][-1] + 1:
            runs[-1].append(index)
        else:
            runs.append([index])
    return ",".join(f"{run[0]}-{run[-1]}" if len(run) > 2 else ",".join(map(str, run)) for run in runs)
