"""A container's log when it is too much, and when the disk refuses."""

import os
import re
import resource
import signal
from pathlib import Path

from dagset.local.kubelet.podrun import TAIL_BYTES, PodRun

STAMP = rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z "


class Container:
    """A run whose output this test writes."""

    def __init__(self, log: Path, *, room: int = 1 << 20) -> None:
        self.log = log
        reading, self.writing = os.pipe()
        os.set_blocking(reading, False)
        fd = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self.run = PodRun(id="u/main", pid=0, log=fd, output=reading, errors=None, room=room)

    def prints(self, text: bytes) -> None:
        os.write(self.writing, text)
        self.run.take_output()

    def ends(self) -> bytes:
        """Give the whole log without times."""
        os.close(self.writing)
        self.run.close()
        return re.sub(rb"(?m)^" + STAMP, b"", self.log.read_bytes())


def test_of_a_log_that_is_full_the_last_lines_are_kept_and_it_says_so(tmp_path: Path):
    container = Container(tmp_path / "log", room=100)
    container.prints(b"first\n")
    for number in range(4000):
        container.prints(b"%d %s\n" % (number, b"x" * 60))

    first, notice, *last = container.ends().splitlines()

    assert first == b"first"
    told = (
        b"dagset: this log is full (256 MiB): of what follows, only the last 64 KiB, shown when the container has ended"
    )
    assert notice == told
    assert last == [b"%d %s" % (number, b"x" * 60) for number in range(4000 - len(last), 4000)]
    assert TAIL_BYTES * 0.9 < container.log.stat().st_size < TAIL_BYTES * 1.1


def test_a_full_log_that_goes_on_a_little_is_whole(tmp_path: Path):
    container = Container(tmp_path / "log", room=60)
    container.prints(b"one\n")
    container.prints(b"two\n")

    assert [b"one", b"two"] == [line for line in container.ends().splitlines() if not line.startswith(b"dagset: ")]


def test_lines_that_a_full_disk_cost_are_told_when_there_is_room_again(tmp_path: Path):
    container = Container(tmp_path / "log")
    limits, ignored = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    container.prints(b"one\n")
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        container.prints(b"two\n")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    container.prints(b"three\n")

    assert b"one\ndagset: lines are missing here: File too large\nthree\n" == container.ends()
