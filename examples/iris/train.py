"""Train a classifier on the Iris flowers, data-parallel: one leader, some workers.

Every worker holds its share of the training rows. In each epoch the leader sends the weights to all workers, each one
answers with the gradient over its share, and the leader takes one step. Over the wire goes one JSON text per line.
"""

import contextlib
import json
import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

from softmax import SPECIES, Matrix, Row, gradient, guess, read_rows, step

PORT = 29500
EPOCHS = 300
LEARNING_RATE = 0.05
PATIENCE_S = float(os.environ.get("PATIENCE_S", "60"))  # for how long a worker looks for its leader


class Peer:
    """The other end of a connection."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.lines = connection.makefile("r", encoding="utf-8")

    def send(self, value: Any) -> None:
        self.connection.sendall(json.dumps(value).encode() + b"\n")

    def receive(self) -> Any:
        line = self.lines.readline()
        if not line.endswith("\n"):
            raise ConnectionError("the connection was closed")
        return json.loads(line)


def gather() -> list[Peer]:
    """Wait until all workers have come; they say themselves how many they are.

    In order of their index: the sums, and so the result, do not depend on who came first.
    """
    host = os.environ.get("HOSTNAME") or socket.gethostname()  # our own address only: peers may share the machine
    workers: dict[int, Peer] = {}
    with socket.create_server((host, PORT)) as server:
        print(f"waiting for workers at {host}:{PORT}")
        while True:
            worker = Peer(server.accept()[0])
            hello = worker.receive()
            workers[hello["index"]] = worker
            if len(workers) == hello["pods"]:
                return [workers[index] for index in sorted(workers)]


def ask(workers: list[Peer], weights: Matrix, *, epoch: int) -> list[tuple[float, Matrix]]:
    """Every worker's loss and gradient. A lost worker ends the leader, and with it the node."""
    for worker in workers:
        with contextlib.suppress(OSError):  # a lost worker is noticed below, by name
            worker.send(weights)
    answers = []
    for index, worker in enumerate(workers):
        try:
            answers.append(worker.receive())
        except OSError as error:
            sys.exit(f"worker[{index}] was lost in epoch {epoch}: {error}")
    return answers


def lead(test: list[Row], *, training_rows: int) -> None:
    """Train with the workers' gradients, then say how many of the test rows come out right."""
    workers = gather()
    print(f"{len(workers)} workers, {training_rows} training rows, {len(test)} test rows")
    weights = [[0.0] * len(test[0][0]) for _ in SPECIES]
    for epoch in range(1, EPOCHS + 1):
        answers = ask(workers, weights, epoch=epoch)
        for _, slope in answers:
            weights = step(weights, slope, rate=LEARNING_RATE / training_rows)
        if epoch == 1 or epoch % 50 == 0:
            print(f"epoch {epoch:3}: loss {sum(loss for loss, _ in answers) / training_rows:.4f}")
    right = sum(guess(weights, features) == species for features, species in test)
    print(f"test accuracy {right / len(test):.3f} ({right} of {len(test)})")


def find_leader(host: str) -> Peer:
    """Connect to the leader. At the start its name may be unknown and nobody may listen: try again for a while."""
    deadline, told = time.monotonic() + PATIENCE_S, ""
    while True:
        try:
            connection = socket.create_connection((host, PORT), timeout=2)
        except OSError as error:
            if time.monotonic() > deadline:
                sys.exit(f"no leader at {host}:{PORT} within {PATIENCE_S:g} s: {error}")
            if str(error) != told:
                told = str(error)
                print(f"no leader yet: {told}")
            time.sleep(0.1)
        else:
            connection.settimeout(None)
            return Peer(connection)


def work(training: list[Row], *, index: int, pods: int) -> None:
    """Answer weights with gradients until the leader hangs up. That is a good end: whether all went well, it says."""
    leader = find_leader(os.environ["DAGSET_COORDINATOR"])
    share = training[index::pods]
    print(f"connected, {len(share)} rows")
    with contextlib.suppress(OSError):
        leader.send({"index": index, "pods": pods})
        while True:
            leader.send(gradient(leader.receive(), share))
    print("the leader has hung up")


def main() -> None:
    # As process 1 of a container we would not even notice SIGTERM. Stopped before the work is done is not a success.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    rows = read_rows(Path(__file__).with_name("iris.csv"))
    training, test = [row for i, row in enumerate(rows) if i % 5], rows[::5]
    if os.environ["DAGSET_ROLE"] == "leader":
        lead(test, training_rows=len(training))
    else:
        work(training, index=int(os.environ["DAGSET_INDEX"]), pods=int(os.environ["DAGSET_PODS"]))


if __name__ == "__main__":
    main()
