"""What an index of an array runs, in its pod: its jobs of the table, one after the other; nothing but Python is there.

    python index.py [--log FILE] [--each-s SECONDS] [--fork]

With --log each job's lines also go to a file, FILE for the only job and FILE with its place for one of several, and
FILE.ends tells how each ended: the pod may start again, and does not repeat what ended well. Without it a pod has one
job. With --each-s a job may take so long. With --fork what a job hands to `python -m snakemake` runs in a fork of this
process, which has imported it.
"""

import argparse
import contextlib
import gzip
import importlib
import itertools
import json
import os
import pathlib
import signal
import sys
import threading
import time
import traceback
from typing import Any, NoReturn

SIGNALS = (signal.SIGTERM, signal.SIGINT)
# Where the kernel counts them: control groups v2, and v1 (linux: Documentation/admin-guide/cgroup-v1/memory.rst).
OOM_EVENTS = (
    pathlib.Path("/sys/fs/cgroup/memory.events"),
    pathlib.Path("/sys/fs/cgroup/memory/memory.oom_control"),
)
STEP_S = 0.2
CODES = {"oom": 128 + signal.SIGKILL, "deadline": 1}
stopped = threading.Event()
running: list[int] = []  # the process group of the job that runs


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--log")
    parser.add_argument("--each-s", type=float)
    parser.add_argument("--fork", action="store_true")
    asked = parser.parse_args()
    for each in SIGNALS:
        signal.signal(each, stop)
    jobs = row(os.environ["DAGSET_FILES"], int(os.environ["DAGSET_INDEX"]))
    if asked.fork:
        importlib.import_module("snakemake.cli")  # once, for all that are forked
    ends = Ends(asked.log and f"{asked.log}.ends" if len(jobs) > 1 else None)
    code = 0
    for place, job in enumerate(jobs):
        if ends.has(place):
            continue
        log = asked.log and (asked.log if len(jobs) == 1 else numbered(asked.log, place))
        ends.note(place, "running")
        end = run(job, log=log, limit_s=asked.each_s)
        if stopped.is_set():
            return 128 + signal.SIGTERM
        ends.note(place, end)
        code = CODES.get(end) or int(end)
    return code if len(jobs) == 1 else int(ends.any_bad(len(jobs)))


def row(folder: str, index: int) -> list[dict[str, Any]]:
    """Return the jobs of an index."""
    zipped = os.path.join(folder, "dagset-jobs.jsonl.gz")
    plain = os.path.join(folder, "dagset-jobs.jsonl")
    with gzip.open(zipped) if os.path.exists(zipped) else open(plain, "rb") as table:
        jobs: list[dict[str, Any]] = json.loads(next(itertools.islice(table, index, None)))
    return jobs


def numbered(log: str, place: int) -> str:
    base, dot, kind = log.rpartition(".")
    return f"{base}-{place}{dot}{kind}"


class Ends:
    """How the jobs ended, by place: lines `attempt place end` in a file, the last one of a place counts."""

    def __init__(self, path: str | None) -> None:
        self.path, self.attempt = path, os.environ.get("DAGSET_ATTEMPT", "0")
        self.known: dict[int, tuple[str, str]] = {}
        with contextlib.suppress(OSError):
            lines = pathlib.Path(path).read_text().splitlines() if path else []
            for attempt, place, end in (line.split(" ", 2) for line in lines):
                self.known[int(place)] = (attempt, end)

    def has(self, place: int) -> bool:
        """Whether a job is over: it ended well, or in this attempt (a pod that was taken away is the same attempt)."""
        attempt, end = self.known.get(place, ("", "running"))
        return end == "0" or (end != "running" and attempt == self.attempt)

    def note(self, place: int, end: str) -> None:
        self.known[place] = (self.attempt, end)
        if not self.path:
            return
        try:
            with open(self.path, "a") as file:  # closed each time: what is closed, other hosts can read
                file.write(f"{self.attempt} {place} {end}\n")
        except OSError as error:
            sys.exit(f"dagset: jobs that share a pod tell their ends in a file, which cannot be written: {error}")

    def any_bad(self, jobs: int) -> bool:
        return any(self.known.get(place, ("", ""))[1] != "0" for place in range(jobs))


def run(job: dict[str, Any], *, log: str | None, limit_s: float | None) -> str:
    """Run a job in a process group of its own; return its exit code, or the word for what ended it."""
    killed = oom_kills()
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        be(job, writing)
    running.append(pid)
    with contextlib.suppress(OSError):
        os.setpgid(pid, pid)  # whoever comes first
    os.close(writing)
    if stopped.is_set():
        end_group(signal.SIGTERM)
    copier = threading.Thread(target=copy, args=(reading, log), daemon=True)
    copier.start()
    status, in_time = wait(pid, limit_s)
    copier.join(2)  # what the job left behind may hold its end of the pipe open
    running.clear()
    if not in_time:
        return "deadline"
    code = os.waitstatus_to_exitcode(status)
    if code in (-signal.SIGKILL, 1, 128 + signal.SIGKILL) and oom_kills() > killed:
        return "oom"
    return str(code if code >= 0 else 128 - code)


def be(job: dict[str, Any], writing: int) -> NoReturn:
    """Be the job's process; never returns."""
    code = 1
    try:
        os.setpgid(0, 0)
        for each in SIGNALS:
            signal.signal(each, signal.SIG_DFL)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(writing, 1)
        os.dup2(writing, 2)
        os.close(writing)
        if "arguments" not in job:
            os.execv("/bin/sh", ["/bin/sh", "-c", job["command"]])
        sys.argv[1:] = job["arguments"]
        importlib.import_module("snakemake.cli").main(job["arguments"])
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001  a fork must not go on as its parent
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def copy(reading: int, log: str | None) -> None:
    """Copy the job's lines to the pod's and to the log; a log that cannot be written costs the job nothing."""
    try:
        file = open(log, "ab", buffering=0) if log else None  # noqa: SIM115
    except OSError as error:
        sys.stderr.write(f"dagset: this log is in the cluster only: {error}\n")
        file = None
    with open(reading, "rb", buffering=0) as lines:
        while some := lines.read(65536):
            with contextlib.suppress(OSError):
                os.write(1, some)
            with contextlib.suppress(OSError):
                if file:
                    file.write(some)


def wait(pid: int, limit_s: float | None) -> tuple[int, bool]:
    """Wait for a job; return its status, and whether it kept within its time."""
    if limit_s is None:
        return os.waitpid(pid, 0)[1], True
    until = time.monotonic() + limit_s
    while time.monotonic() < until:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return status, True
        time.sleep(STEP_S)
    end_group(signal.SIGKILL)
    return os.waitpid(pid, 0)[1], False


def stop(_number: int, _frame: object) -> None:
    """Hand a signal on to all of the job, and start no other."""
    stopped.set()
    end_group(signal.SIGTERM)


def end_group(number: int) -> None:
    for group in running:
        with contextlib.suppress(OSError):
            os.killpg(group, number)


def oom_kills(files: tuple[pathlib.Path, ...] = OOM_EVENTS) -> int:
    """Return how many processes of this container the kernel has killed for their memory; 0 where it does not say."""
    for file in files:
        with contextlib.suppress(OSError, ValueError):
            for line in file.read_text().splitlines():
                name, _, number = line.partition(" ")
                if name == "oom_kill":
                    return int(number)
    return 0


if __name__ == "__main__":
    sys.exit(main())
