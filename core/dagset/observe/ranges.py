"""Completion indexes as text (`1,3-5,7`), never expanded: a Job may have 100,000 of them.

Source: Kubernetes joins three or more neighbours, two stay apart (keps: sig-apps/3850-backoff-limits-per-index).
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence

__all__ = ["Range", "parse", "union", "spell", "size", "common", "holds", "without", "each"]

Range = tuple[int, int]


def parse(spelled: str) -> list[Range]:
    """Return the ranges (first, last) that the text names; what cannot be read is left out."""
    found = []
    for part in spelled.split(","):
        first, _, last = part.strip().partition("-")
        if _is_number(first) and _is_number(last or first):
            found.append((int(first), int(last or first)))
    return union(found)


def union(ranges: Iterable[Range]) -> list[Range]:
    """Return the same indexes as sorted ranges that neither touch nor overlap."""
    joined: list[Range] = []
    for first, last in sorted(ranges):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        elif first <= last:
            joined.append((first, last))
    return joined


def spell(ranges: Iterable[Range]) -> str:
    """Return the text as Kubernetes would write it."""
    return ",".join(_spell_one(first, last) for first, last in ranges)


def size(ranges: Iterable[Range]) -> int:
    """Return how many indexes the ranges hold."""
    return sum(last - first + 1 for first, last in ranges)


def common(some: Iterable[Range], others: Iterable[Range]) -> int:
    """Return how many indexes are in both, each of which has neither doubles nor overlaps."""
    others = list(others)
    return sum(max(0, min(a[1], b[1]) - max(a[0], b[0]) + 1) for a in some for b in others)


def holds(ranges: Sequence[Range], index: int) -> bool:
    """Return whether the index is in one of the ranges, which are sorted."""
    place = bisect_right(ranges, index, key=lambda each: each[0])
    return place > 0 and index <= ranges[place - 1][1]


def without(ranges: Iterable[Range], taken: Iterable[Range]) -> list[Range]:
    """Return what is in the ranges and not in `taken`, both as `union` gives them."""
    left, taken = [], list(taken)
    for first, last in ranges:
        at, begin = bisect_right(taken, first, key=lambda each: each[1] + 1), first
        while at < len(taken) and taken[at][0] <= last:
            if begin < taken[at][0]:
                left.append((begin, taken[at][0] - 1))
            begin, at = taken[at][1] + 1, at + 1
        if begin <= last:
            left.append((begin, last))
    return left


def each(ranges: Iterable[Range]) -> Iterator[int]:
    """Yield the indexes one by one."""
    return (index for first, last in ranges for index in range(first, last + 1))


def _spell_one(first: int, last: int) -> str:
    if last == first:
        return str(first)
    return f"{first},{last}" if last == first + 1 else f"{first}-{last}"


def _is_number(spelled: str) -> bool:
    return spelled.isascii() and spelled.isdigit() and len(spelled) < 12
