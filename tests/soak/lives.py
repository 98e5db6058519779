"""One node's life: clients that are killed and come again, until one of them tells how it ended."""

import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from dagset import constants
from dagset.cluster.protocol import Cluster
from dagset.cluster.weather import with_patience
from dagset.errors import ClusterRefused
from dagset.model import Identity
from dagset.run import cancel
from dagset.run.existing import generation_of, is_finished
from dagset.run.here import identity_here
from dagset.run.owners import all_owners, ref_of
from tests.soak.evidence import Evidence, Generation, collected
from tests.soak.plan import Plan

__all__ = ["Life"]

PATIENCE_S = 300.0
POLL_S = 0.05
ENDS = ("Complete", "Completed", "Failed")


@dataclass(slots=True)
class Life:
    """A node on its way through the cluster.

    Attributes:
        cluster: for looking and for patching, never for running.
        daemon_kills: tells how many daemons have been killed so far.
    """

    plan: Plan
    directory: Path
    cluster: Cluster
    daemon_kills: Callable[[], int]
    client_kills: int = 0
    told: list[str] = field(default_factory=list)

    @property
    def file(self) -> Path:
        """The node file."""
        return self.directory / "node.yaml"

    @property
    def identity(self) -> Identity:
        """Whose node it is."""
        return identity_here(self.file, task=self.plan.name)

    def live(self) -> Evidence:
        """Run the node to its end, however often its client dies, and return what is known of it."""
        before, end = self.daemon_kills(), time.monotonic() + PATIENCE_S
        self.directory.mkdir(parents=True)
        roles = [{**role, "env": {"SOAK_DIR": str(self.directory)}} for role in self.plan.words["roles"]]
        self.file.write_text(yaml.safe_dump({**self.plan.words, "roles": roles}))
        outcome = None
        for kill_s in (*self.plan.kills, None):
            outcome = self._run(kill_s, end=end) or (self._ended() if kill_s is not None else None)
            if outcome is not None:
                break
        doubled, done = collected(self.directory)
        return Evidence(outcome, self.generations(), doubled, done, self.daemon_kills() - before, self.client_kills)

    def remove(self) -> None:
        """Delete every object of the node."""
        for owner in self._owners():
            cancel(ref_of(owner), cluster=self.cluster)

    def _run(self, kill_s: float | None, *, end: float) -> dict[str, Any] | None:
        """Run one client to its end and return the Outcome that it tells; None when it was killed."""
        keep = ["--keep", self.plan.keep]
        with (self.directory / "client.log").open("ab") as log, self._client("run", *keep, stderr=log) as client:
            deed = {"suspended": self._suspend, "cancelled": self._cancel}.get(self.plan.deed)
            if deed is not None and kill_s is None:
                deed(client, end)
            try:
                output, _ = client.communicate(timeout=max(1.0, end - time.monotonic() if kill_s is None else kill_s))
            except subprocess.TimeoutExpired:
                client.kill()
                self.client_kills += kill_s is not None
                return _outcome(client.communicate()[0])  # what it told before counts
        return _outcome(output) or self._odd(client, output)

    def _odd(self, client: "subprocess.Popen[bytes]", output: bytes) -> None:
        log = (self.directory / "client.log").read_text().splitlines()[-3:]
        self.told.append(f"its client said no Outcome: exit code {client.returncode}, {output!r}, {log}")

    def _ended(self) -> dict[str, Any] | None:
        """Ask how it ended, for who runs a node that has ended makes another generation of it."""
        with self._client("status", stderr=subprocess.DEVNULL) as client:
            output, _ = client.communicate()
        outcome = _outcome(output)
        return outcome if outcome is not None and "reason" in outcome else None

    def _client(self, command: str, *words: str, stderr: Any) -> "subprocess.Popen[bytes]":
        argv = [sys.executable, "-m", "dagset", command, str(self.file), "-o", "json", *words]
        return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=stderr, start_new_session=True)

    def _suspend(self, client: "subprocess.Popen[bytes]", end: float) -> None:
        """Suspend the node once a pod of it runs, and let it go on."""
        if self._until_started(client, end=end):
            for suspend in (True, False):
                self._patch({"spec": {"suspend": suspend}})

    def _cancel(self, client: "subprocess.Popen[bytes]", end: float) -> None:
        if self._until_started(client, end=end):
            client.send_signal(signal.SIGTERM)

    def _until_started(self, client: "subprocess.Popen[bytes]", *, end: float) -> bool:
        while client.poll() is None and time.monotonic() < end:
            if any(self.directory.glob("started-*")):
                return True
            time.sleep(POLL_S)
        return False

    def _patch(self, body: dict[str, Any]) -> None:
        for owner in self._owners():
            ref = ref_of(owner)
            words = {"namespace": ref.namespace, "name": ref.name, "body": body}
            with contextlib.suppress(ClusterRefused):  # it ended meanwhile, and is gone
                with_patience(partial(self.cluster.patch, ref.kind, **words))

    def _owners(self) -> list[dict[str, Any]]:
        labels, space = {constants.IDENTITY: self.identity.key}, self.cluster.namespace
        return with_patience(lambda: all_owners(labels, cluster=self.cluster, namespace=space), limit_s=PATIENCE_S)

    def generations(self) -> tuple[Generation, ...]:
        """Return the objects of the node that are there and stay."""
        owners = [one for one in self._owners() if "deletionTimestamp" not in one["metadata"]]
        found = [Generation(generation_of(one), one["metadata"]["creationTimestamp"], _finished(one)) for one in owners]
        return tuple(sorted(found, key=lambda one: one.number))


def _finished(owner: dict[str, Any]) -> str:
    conditions = owner.get("status", {}).get("conditions", []) if is_finished(owner) else []
    return max((str(one["lastTransitionTime"]) for one in conditions if one["type"] in ENDS), default="")


def _outcome(output: bytes) -> dict[str, Any] | None:
    try:
        told = json.loads(output)
    except ValueError:
        return None
    return told if isinstance(told, dict) else None
