"""Count primes together: a leader serves a queue of ranges, workers take from it until it is empty.

The leader never ends by itself: it goes on serving until it is told to stop. A worker's line to the leader is one JSON
text: null, or what it counted; the leader's answer is the next range, or null when none is left.
"""

import contextlib
import json
import math
import os
import signal
import socket
import sys
import threading
import time
from typing import NamedTuple

PORT = 29501
TOTAL = 1_000_000
STEP = 25_000
PATIENCE_S = float(os.environ.get("PATIENCE_S", "60"))  # for how long a worker looks for its leader


class Range(NamedTuple):
    start: int
    stop: int


class Queue:
    """The ranges that nobody has taken yet, and the sum of what came back. Shared by the leader's threads.

    A range whose worker was lost is not put back: in a gang, a lost worker fails the node or restarts all of it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting = [Range(start, start + STEP) for start in range(0, TOTAL, STEP)]
        self._open = len(self._waiting)
        self._primes = 0

    def add(self, primes: int) -> None:
        """Take in one result; after the last one say the sum."""
        with self._lock:
            self._primes += primes
            self._open -= 1
            if not self._open:
                print(f"{self._primes} primes below {TOTAL}")

    def take(self) -> Range | None:
        """The next range, or None when all are taken."""
        with self._lock:
            return self._waiting.pop(0) if self._waiting else None


def serve(worker: socket.socket, queue: Queue) -> None:
    """Answer one worker until it hangs up, or is lost."""
    with contextlib.suppress(OSError), worker, worker.makefile("r", encoding="utf-8") as lines:
        for line in lines:
            primes = json.loads(line)
            if primes is not None:
                queue.add(primes)
            send(worker, queue.take())


def send(connection: socket.socket, value: object) -> None:
    connection.sendall(json.dumps(value).encode() + b"\n")


def lead() -> None:
    """Serve until SIGTERM, which is the normal end of this role."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    host = os.environ.get("HOSTNAME") or socket.gethostname()  # our own address only: peers may share the machine
    queue = Queue()
    with socket.create_server((host, PORT)) as server:
        print(f"serving {TOTAL // STEP} ranges at {host}:{PORT}")
        while True:
            connection, _ = server.accept()
            threading.Thread(target=serve, args=(connection, queue), daemon=True).start()


def is_prime(n: int) -> bool:
    return n == 2 or (n > 1 and n % 2 == 1 and all(n % d for d in range(3, math.isqrt(n) + 1, 2)))


def find_leader(host: str) -> socket.socket:
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
            return connection


def work_off(leader: socket.socket) -> int:
    """Take ranges until none is left; returns how many it were."""
    lines = leader.makefile("r", encoding="utf-8")
    done, primes = 0, None
    while True:
        send(leader, primes)
        answer = lines.readline()
        if not answer:
            raise ConnectionError("the connection was closed")
        if (item := json.loads(answer)) is None:
            return done
        primes = sum(map(is_prime, range(*item)))
        print(f"{item[0]} to {item[1]}: {primes} primes")
        done += 1


def work() -> None:
    """Do a worker's share. A leader that hangs up before the queue is empty is a failure here."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # stopped before the work is done: no success
    try:
        done = work_off(find_leader(os.environ["DAGSET_COORDINATOR"]))
    except OSError as error:
        sys.exit(f"the leader was lost: {error}")
    print(f"the queue is empty, ranges done here: {done}")


if __name__ == "__main__":
    if os.environ["DAGSET_ROLE"] == "leader":
        lead()
    else:
        work()
