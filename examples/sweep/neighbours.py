"""One point of a grid: how well do the k nearest neighbours tell an Iris flower's species?

The pod's index is its place in the grid. The score is leave-one-out: each flower is guessed from all the others.
"""

import csv
import math
import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

NEIGHBOURS = [1, 3, 5, 7, 9, 11, 15, 21, 31, 51]  # by the index's last digit
POWERS = [0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0]  # of the Minkowski distance, by its other digit
UNLUCKY_INDEX, UNLUCKY_ATTEMPTS = 42, 2

Flower = tuple[list[float], str]


def read_flowers(path: Path) -> list[Flower]:
    """Four measurements in cm and the species of each flower."""
    with path.open(newline="") as lines:
        _header, *records = csv.reader(lines)
    return [([float(value) for value in record[:4]], record[4]) for record in records]


def guess(flower: Flower, others: Sequence[Flower], *, k: int, power: float) -> str:
    """The commonest species among the k nearest; of equally common ones the one that is nearer."""

    def distance(other: Flower) -> float:
        return sum(math.pow(abs(a - b), power) for a, b in zip(flower[0], other[0], strict=True))

    nearest = sorted(others, key=distance)[:k]
    return Counter(species for _, species in nearest).most_common(1)[0][0]


def main() -> None:
    index, attempt = int(os.environ["DAGSET_INDEX"]), int(os.environ["DAGSET_ATTEMPT"])
    if index == UNLUCKY_INDEX and attempt < UNLUCKY_ATTEMPTS:
        sys.exit(f"index {index} fails on purpose in attempt {attempt}")
    k, power = NEIGHBOURS[index % 10], POWERS[index // 10]
    flowers = read_flowers(Path(__file__).with_name("iris.csv"))
    right = sum(
        guess(flower, flowers[:i] + flowers[i + 1 :], k=k, power=power) == flower[1] for i, flower in enumerate(flowers)
    )
    print(f"k={k} power={power:g}: accuracy {right / len(flowers):.3f} ({right} of {len(flowers)})")


if __name__ == "__main__":
    main()
