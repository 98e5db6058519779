"""Softmax regression on the Iris rows: what is computed. train.py says who computes it."""

import csv
import math
from pathlib import Path

SPECIES = ["setosa", "versicolor", "virginica"]

Row = tuple[list[float], int]  # four measurements in cm and a constant 1; index into SPECIES
Matrix = list[list[float]]  # one line per species, one column per feature


def read_rows(path: Path) -> list[Row]:
    """All rows of the file, in its order: 50 of each species."""
    with path.open(newline="") as lines:
        _header, *records = csv.reader(lines)
    return [([*map(float, record[:4]), 1.0], SPECIES.index(record[4])) for record in records]


def probabilities(weights: Matrix, features: list[float]) -> list[float]:
    """How likely each species is: softmax of the scores, shifted so that exp never overflows."""
    scores = [sum(w * x for w, x in zip(line, features, strict=True)) for line in weights]
    powers = [math.exp(score - max(scores)) for score in scores]
    return [power / sum(powers) for power in powers]


def guess(weights: Matrix, features: list[float]) -> int:
    """The likeliest species."""
    likely = probabilities(weights, features)
    return likely.index(max(likely))


def gradient(weights: Matrix, rows: list[Row]) -> tuple[float, Matrix]:
    """The loss and its gradient, both summed over the rows."""
    loss, slope = 0.0, [[0.0] * len(line) for line in weights]
    for features, species in rows:
        likely = probabilities(weights, features)
        loss -= math.log(likely[species])
        for k, line in enumerate(slope):
            error = likely[k] - (k == species)
            for j, x in enumerate(features):
                line[j] += error * x
    return loss, slope


def step(weights: Matrix, slope: Matrix, *, rate: float) -> Matrix:
    """New weights, a little down the slope."""
    return [
        [w - rate * s for w, s in zip(line, slope_line, strict=True)]
        for line, slope_line in zip(weights, slope, strict=True)
    ]
