"""examples/sweep: one index computes one point of the grid, one index is unlucky twice."""

import pytest

PROGRAM = "sweep/neighbours.py"


@pytest.mark.parametrize(
    ("index", "attempt", "end"),
    [
        (0, 0, (0, ["k=1 power=0.5: accuracy 0.933 (140 of 150)"], "")),
        (42, 0, (1, [], "index 42 fails on purpose in attempt 0\n")),
        (42, 1, (1, [], "index 42 fails on purpose in attempt 1\n")),
        (42, 2, (0, ["k=5 power=1.5: accuracy 0.960 (144 of 150)"], "")),
        (99, 0, (0, ["k=51 power=8: accuracy 0.927 (139 of 150)"], "")),
    ],
    ids=["the first", "the unlucky one", "and once more", "then it goes well", "the last"],
)
def test_each_index_computes_its_own_point(launch, index, attempt, end):
    program = launch(PROGRAM, DAGSET_INDEX=str(index), DAGSET_ATTEMPT=str(attempt))

    assert end == program.end()
