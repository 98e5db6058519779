"""Many lives at once, a daemon that is killed now and then, and a word each minute."""

import contextlib
import json
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from dagset.cluster.protocol import Cluster
from dagset.local import client as local
from dagset.local.state import StateDir
from dagset.run import open_cluster
from tests.soak.evidence import wrongs
from tests.soak.lives import Life
from tests.soak.plan import planned
from tests.soak.traces import mounts, pod_directories, processes

__all__ = ["Soak", "soak"]

DAEMON_KILL_S = (5.0, 25.0)
KEPT = 10  # every so manieth node's object stays to the end, to be found then
GONE_S = 20.0


@dataclass(slots=True)
class Soak:
    """A soak in a directory that nobody else uses; its path is the mark by which its processes are known."""

    directory: Path
    seed: int
    say: Callable[[str], None] = print
    problems: list[str] = field(default_factory=list)
    ended: int = 0
    client_kills: int = 0
    daemon_kills: int = 0
    kept: list[Life] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def state(self) -> StateDir:
        """The local cluster's state directory."""
        return StateDir(self.directory / "state")

    def run(self, *, minutes: float, at_once: int) -> list[str]:
        """Return what went wrong, nothing if all is well."""
        os.environ["DAGSET_STATE"] = str(self.state.path)  # for our clients
        cluster = open_cluster("local")
        threads = [threading.Thread(target=self._lives, args=(number, cluster)) for number in range(at_once)]
        threads.append(threading.Thread(target=self._crashes))
        for thread in threads:
            thread.start()
        for minute in range(1, int(minutes) + 1):
            self.over.wait(60)
            self.say(f"minute {minute}: {self.summary()}")
        self.over.wait(60 * (minutes - int(minutes)))
        self.over.set()
        for thread in threads:
            thread.join()
        self._end()
        return self.problems

    def summary(self) -> str:
        """Return one line about what was done so far."""
        kills = f"{self.client_kills} clients and {self.daemon_kills} daemons killed"
        return f"{self.ended} nodes ended, {kills}, {len(self.problems)} problems"

    def _lives(self, number: int, cluster: Cluster) -> None:
        """Let one node live after the other."""
        rng, count = Random(f"{self.seed}/{number}"), 0
        while not self.over.is_set():
            plan = planned(f"n{number}-{count}", rng=rng)
            life = Life(plan, self.directory / "nodes" / plan.name, cluster, lambda: self.daemon_kills)
            try:
                self._note(life)
            except Exception as error:  # noqa: BLE001  one node's trouble is told, and the others go on
                self._problem(f"{plan.name} ({plan.kind}): {type(error).__name__}: {error}")
            count += 1

    def _note(self, life: Life) -> None:
        evidence = life.live()
        with self.lock:
            self.ended += 1
            self.client_kills += evidence.client_kills
            is_kept = bool(evidence.generations) and self.ended % KEPT == 0
            self.kept += [life] if is_kept else []
        for wrong in [*life.told, *wrongs(life.plan, evidence)]:
            self._problem(f"{life.plan.name} ({life.plan.kind}, {life.plan.kills}): {wrong}")
        if not is_kept:
            life.remove()

    def _crashes(self) -> None:
        """Kill the daemon now and then, but no second time before a node has ended: a busy machine gets on as well."""
        rng, ended = Random(f"{self.seed}/crashes"), -1
        while not self.over.wait(rng.uniform(*DAEMON_KILL_S)):
            if self.ended == ended:
                continue
            ended = self.ended
            with contextlib.suppress(OSError, ValueError):  # nobody serves at the moment
                os.kill(json.loads(self.state.daemon.read_text())["pid"], signal.SIGKILL)
                self.daemon_kills += 1

    def _end(self) -> None:
        """See that what was to stay has stayed, that all goes when asked, and that nothing is left then."""
        local.ensure_running()
        for life in self.kept:
            if not life.generations():
                self._problem(f"{life.plan.name}: its object was to stay and is gone")
            life.remove()
        if not _within(GONE_S, lambda: not pod_directories(self.state.path)):
            self._problem(f"directories of pods are left: {sorted(pod_directories(self.state.path))[:5]}")
        local.stop()
        mark = str(self.directory)
        if not _within(GONE_S, lambda: not processes(mark).keys() - {os.getpid()}):
            self._problem(f"processes are left: {processes(mark)}")
        if mounts(self.directory):
            self._problem(f"mounts are left: {mounts(self.directory)}")

    def _problem(self, text: str) -> None:
        with self.lock:
            self.problems.append(text)
        self.say(f"PROBLEM {text}")


def soak(directory: Path, *, seed: int, minutes: float, at_once: int, say: Callable[[str], None]) -> list[str]:
    """Run a soak in a new directory; return what went wrong."""
    directory.mkdir(mode=0o700)
    one = Soak(directory, seed, say)
    say(f"soak of {minutes:g} minutes, {at_once} nodes at once, --seed {seed}, in {directory}")
    problems = one.run(minutes=minutes, at_once=at_once)
    say(f"{'FAILED' if problems else 'all is well'}: {one.summary()}")
    return problems


def _within(seconds: float, is_true: Callable[[], bool]) -> bool:
    end = time.monotonic() + seconds
    while not is_true():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True
