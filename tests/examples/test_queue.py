"""examples/queue: the workers' end counts, the leader serves until it is stopped."""

import signal
import socket

import pytest

PROGRAM = "queue/primes.py"
PORT = 29501


def test_workers_empty_the_queue_and_the_leader_serves_until_it_is_stopped(launch_pod, new_host):
    host = new_host()
    leader = launch_pod(PROGRAM, role="leader", leader=host)
    first_line = leader.next_line()
    workers = [launch_pod(PROGRAM, role="worker", leader=host, index=index, pods=3) for index in range(3)]
    ends = [worker.end() for worker in workers]
    still_serves = leader.process.poll() is None
    leader.process.send_signal(signal.SIGTERM)

    assert still_serves
    assert f"serving 40 ranges at {host}:{PORT}" == first_line
    assert (0, ["78498 primes below 1000000"], "") == leader.end()
    assert [(0, "")] * 3 == [(code, err) for code, _, err in ends]
    counts = [int(lines[-1].removeprefix("the queue is empty, ranges done here: ")) for _, lines, _ in ends]
    assert [len(lines) - 1 for _, lines, _ in ends] == counts
    assert 40 == sum(counts)


def test_worker_whose_leader_is_lost_fails(launch_pod, new_host):
    host = new_host()
    with socket.create_server((host, PORT)) as server:
        worker = launch_pod(PROGRAM, role="worker", leader=host)
        connection, _ = server.accept()
        with connection, connection.makefile() as lines:
            asked = [lines.readline()]
            connection.sendall(b"[0, 10]\n")
            asked.append(lines.readline())

    assert ["null\n", "4\n"] == asked
    assert (1, ["0 to 10: 4 primes"], "the leader was lost: the connection was closed\n") == worker.end()


def test_worker_without_a_leader_gives_up_and_says_where_it_looked(launch_pod, new_host):
    host = new_host()
    worker = launch_pod(PROGRAM, role="worker", leader=host, PATIENCE_S="0")

    assert (1, [], f"no leader at {host}:{PORT} within 0 s: [Errno 111] Connection refused\n") == worker.end()


@pytest.mark.parametrize("asks", [b"", b"nu"], ids=["at once", "in the middle of a line"])
def test_leader_outlives_a_worker_that_hangs_up(launch_pod, new_host, asks):
    host = new_host()
    leader = launch_pod(PROGRAM, role="leader", leader=host)
    leader.next_line()
    with socket.create_connection((host, PORT)) as lost:
        lost.sendall(asks)
    with socket.create_connection((host, PORT)) as other, other.makefile() as lines:
        other.sendall(b"null\n")

        assert "[0, 25000]\n" == lines.readline()
