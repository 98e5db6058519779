"""examples/iris: the leader and its workers as plain processes on loopback addresses."""

import csv
import importlib.util
import json
import signal
import socket
from pathlib import Path
from statistics import fmean
from types import ModuleType

import pytest

PROGRAM = "iris/train.py"
PORT = 29500
FOLDER = Path(__file__).parents[2] / "examples" / "iris"


def test_three_workers_train_to_the_known_accuracy(launch_pod, new_host):
    host = new_host()
    leader = launch_pod(PROGRAM, role="leader", leader=host)
    first_line = leader.next_line()
    workers = [launch_pod(PROGRAM, role="worker", leader=host, index=index, pods=3) for index in range(3)]

    assert f"waiting for workers at {host}:{PORT}" == first_line
    lines = [
        "3 workers, 120 training rows, 30 test rows",
        "epoch   1: loss 1.0986",
        "epoch  50: loss 0.5488",
        "epoch 100: loss 0.4487",
        "epoch 150: loss 0.3955",
        "epoch 200: loss 0.3585",
        "epoch 250: loss 0.3299",
        "epoch 300: loss 0.3068",
        "test accuracy 0.967 (29 of 30)",
    ]
    assert (0, lines, "") == leader.end()
    assert [(0, ["connected, 40 rows", "the leader has hung up"], "")] * 3 == [worker.end() for worker in workers]


def test_one_worker_alone_comes_to_the_same_accuracy(launch_pod, new_host):
    host = new_host()
    leader = launch_pod(PROGRAM, role="leader", leader=host)
    launch_pod(PROGRAM, role="worker", leader=host)

    assert "test accuracy 0.967 (29 of 30)" == leader.end()[1][-1]


def test_lost_worker_fails_the_leader_and_no_other_worker(launch_pod, new_host):
    host = new_host()
    leader = launch_pod(PROGRAM, role="leader", leader=host)
    leader.next_line()
    survivor = launch_pod(PROGRAM, role="worker", leader=host, index=0, pods=2)
    with socket.create_connection((host, PORT)) as lost, lost.makefile() as lines:
        lost.sendall(json.dumps({"index": 1, "pods": 2}).encode() + b"\n")
        lines.readline()

    assert (1, "worker[1] was lost in epoch 1: the connection was closed\n") == leader.end()[::2]
    assert (0, ["connected, 60 rows", "the leader has hung up"], "") == survivor.end()


def test_worker_without_a_leader_gives_up_and_says_where_it_looked(launch_pod, new_host):
    host = new_host()
    worker = launch_pod(PROGRAM, role="worker", leader=host, PATIENCE_S="0")

    assert (1, [], f"no leader at {host}:{PORT} within 0 s: [Errno 111] Connection refused\n") == worker.end()


def test_leader_stopped_before_its_end_does_not_look_successful(launch_pod, new_host):
    leader = launch_pod(PROGRAM, role="leader", leader=new_host())
    leader.next_line()
    leader.process.send_signal(signal.SIGTERM)

    assert (143, [], "") == leader.end()


def test_name_that_dns_does_not_know_yet_is_looked_up_again(monkeypatch, capsys):
    train = load_train(monkeypatch)
    ours, theirs = socket.socketpair()
    answers = [
        socket.gaierror("unknown name"),
        socket.gaierror("unknown name"),
        ConnectionRefusedError("refused"),
        ours,
    ]

    def create_connection(address, timeout):
        answer = answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer

    monkeypatch.setattr(socket, "create_connection", create_connection)
    with theirs, ours, train.find_leader("iris-leader-0-0.iris").lines:
        assert [] == answers
        assert "no leader yet: unknown name\nno leader yet: refused\n" == capsys.readouterr().out


def load_train(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """train.py as a module, with its neighbour softmax.py importable as it is for the running program."""
    monkeypatch.syspath_prepend(FOLDER)
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    spec = importlib.util.spec_from_file_location("iris_train", FOLDER / "train.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_rows_are_the_published_ones():
    """Class means as Fisher's paper gives them (table I and II), and two rows that a well-known copy has wrong."""
    with (FOLDER / "iris.csv").open(newline="") as lines:
        _, *rows = csv.reader(lines)
    means = {
        species: [round(fmean(column), 3) for column in zip(*numbers_of(rows, species), strict=True)]
        for species in ("setosa", "versicolor", "virginica")
    }

    assert 150 == len(rows)
    assert {
        "setosa": [5.006, 3.428, 1.462, 0.246],
        "versicolor": [5.936, 2.77, 4.26, 1.326],
        "virginica": [6.588, 2.974, 5.552, 2.026],
    } == means
    assert [["4.9", "3.1", "1.5", "0.2", "setosa"], ["4.9", "3.6", "1.4", "0.1", "setosa"]] == [rows[34], rows[37]]


def numbers_of(rows: list[list[str]], species: str) -> list[list[float]]:
    return [[float(value) for value in row[:4]] for row in rows if row[4] == species]
