"""Random nodes on a local cluster whose clients and daemon are killed at random: nothing lost, doubled or left.

`python -m tests.soak --minutes 30`; `--seed` repeats the choices (not the timing) of an earlier run.
"""
