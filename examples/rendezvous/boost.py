"""Train one model on rows that are spread over all pods: XGBoost's workers meet at the tracker that index 0 starts."""

import os
import socket

import numpy
import xgboost
from xgboost import collective
from xgboost.tracker import RabitTracker

ROWS, ROUNDS = 600, 8
INDEX, PODS = int(os.environ["DMLC_TASK_ID"]), int(os.environ["DMLC_NUM_WORKER"])
IS_LOST = os.environ.get("LOSE") == str(INDEX) and os.environ["DAGSET_ATTEMPT"] == "0"


def rows() -> tuple[numpy.ndarray, numpy.ndarray]:
    """Return this pod's share of the rows, and whether each lies in the circle."""
    points = numpy.random.default_rng(1).uniform(-1, 1, (ROWS, 2))[INDEX::PODS]
    return points, (points**2).sum(axis=1) < 0.5


def train() -> str:
    """Return what this pod says of the model, which all pods have in the end."""
    points, labels = rows()
    data = xgboost.DMatrix(points, label=labels)
    told: dict[str, dict[str, list[float]]] = {}
    booster = xgboost.train(
        {"objective": "binary:logistic", "eval_metric": "error", "nthread": 1},
        data,
        num_boost_round=ROUNDS,
        evals=[(data, "rows")],
        evals_result=told,
        verbose_eval=False,
    )
    right = 1 - told["rows"]["error"][-1]
    worker = f"worker {collective.get_rank()} of {collective.get_world_size()}"
    return f"{worker}: {right:.3f} of all rows, {len(booster.get_dump())} trees"


def main() -> None:
    """Start the tracker in one pod, and train in all."""
    tracker = None
    if INDEX == 0:
        own = socket.gethostbyname(socket.gethostname())  # DNS may not know this pod yet
        tracker = RabitTracker(host_ip=own, n_workers=PODS, port=int(os.environ["DMLC_TRACKER_PORT"]), sortby="task")
        tracker.start(PODS)
    found = {name: value for name, value in os.environ.items() if name.startswith("DMLC_")}
    with collective.CommunicatorContext(**found):
        if IS_LOST:
            os._exit(1)
        print(train(), flush=True)
    if tracker is not None:
        tracker.join()


if __name__ == "__main__":
    main()
