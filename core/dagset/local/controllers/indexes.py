"""Sets of completion indexes and their text, as in `completedIndexes: 0-2,4`."""

from collections.abc import Iterable

__all__ = ["indexes_of", "text_of"]


def indexes_of(text: str, *, below: int) -> frozenset[int]:
    """Read `1,3-5`; indexes from `below` on are left out, as after a Job was made smaller."""
    found: set[int] = set()
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        found.update(range(int(first), min(int(last or first) + 1, below)))
    return frozenset(found)


def text_of(indexes: Iterable[int]) -> str:
    """Write the indexes in order; only three or more in a row are joined (Kubernetes writes `3,4` but `3-5`)."""
    runs: list[list[int]] = []
    for index in sorted(set(indexes)):
        if runs and runs[-1][-1] == index - 1:
            runs[-1].append(index)
        else:
            runs.append([index])
    return ",".join(f"{run[0]}-{run[-1]}" if len(run) > 2 else ",".join(map(str, run)) for run in runs)
