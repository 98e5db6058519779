"""A task without a worker: the triggerer submits its node, follows it, and ends the task when it has succeeded."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
from airflow.triggers.base import TaskSuccessEvent, TriggerEvent

from dagset.cluster.protocol import Cluster
from dagset.model import DagNode, Ref
from dagset.observe import Outcome, outcome_of, verdict
from dagset.run.release import cancel_identity
from dagset.run.stopping import Stopped, listening
from dagset.run.submit import submit
from dagset_airflow.clusters import CLUSTER_WORDS
from dagset_airflow.following import settled
from dagset_airflow.identity import identity_of
from dagset_airflow.strays import signed
from dagset_airflow.triggers import NodeTrigger
from dagset_airflow.words import WORDS, node_of

__all__ = ["WholeNodeTrigger"]

TRY = "dagset-airflow/try"  # annotation: the id that Airflow gives to a try and to no other
STORED_S = 5.0  # a triggerer has stored an event by then, which it does each second
PATIENCE_S = 60.0


class WholeNodeTrigger(NodeTrigger):
    """Fires Airflow's own success with the Outcome as return value; any other end goes to a worker, as does trouble.

    So a failure is told, retried and called back as ever. A success that no worker sees has no asset events, listeners
    and success callbacks on a worker, and pushes nothing but the Outcome.

    Args:
        coupling: what the operator runs.
        given: words of the node, `node` and cluster words, which Airflow renders in the triggerer; JSON values.
    """

    def __init__(self, *, coupling: str, **given: Any) -> None:
        super().__init__(ref={"name": "to come"}, where={}, keep="failed")
        self._given = {"coupling": coupling, **given}
        for word, value in self._given.items():
            setattr(self, word, value)
        self._told_at: float | None = None
        self._is_stored = False
        self._outcome_told: Outcome | None = None

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what another process makes this trigger of."""
        return f"{__name__}.{type(self).__name__}", self._given

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Fire the one event."""
        self.where = {word: getattr(self, word, None) for word in CLUSTER_WORDS}
        found = await self._found()
        self._outcome_told = outcome_of(found["outcome"]) if "outcome" in found else None
        if self._outcome_told is not None and verdict(self._outcome_told, "airflow") == "success":
            self._told_at = time.monotonic()
            yield TaskSuccessEvent(xcoms={"return_value": found["outcome"]})
            await asyncio.sleep(PATIENCE_S)  # Airflow ends this once the event is stored
        else:
            ref = {"ref": self.ref} if "uid" in self.ref else {}
            yield TriggerEvent({**ref, "keep": self.keep, **found})  # type: ignore[no-untyped-call]

    async def on_kill(self) -> None:
        """Cancel the node; after its end, this only says that the event is stored and the task no more deferred."""
        self._is_stored = self._told_at is not None
        await super().on_kill()

    async def cleanup(self) -> None:
        """Delete what is not to be kept, once its end is stored; else whoever comes next finds that end."""
        outcome, lent = self._outcome_told, self._lent
        is_old = self._told_at is not None and time.monotonic() - self._told_at > STORED_S
        if (self._is_stored or is_old) and outcome is not None and lent is not None:
            words: dict[str, Any] = {"keep": self.keep, "cluster": lent.cluster, "log": self.log}
            await asyncio.to_thread(settled, msgspec.convert(self.ref, Ref), outcome, **words)
        await super().cleanup()

    def _followed(self, cluster: Cluster) -> Outcome:
        node = self._node()
        self.keep = node.keep or "failed"
        ti: Any = self.task_instance
        identity = identity_of(ti)
        node = msgspec.structs.replace(node, annotations={**node.annotations, TRY: str(ti.id)})
        node = signed(node, identity)
        try:
            with listening(self._stop) as incoming:
                submitted = submit(
                    node,
                    identity,
                    cluster=cluster,
                    on_conflict="attach",
                    since=ti.try_number,
                    own_end=True,
                    tell=self.log.warning,
                    sleep=incoming.pause,
                )
        except Stopped:
            if not self._is_left:
                cancel_identity(identity, cluster=cluster, on_wait=self.log.info)
            raise
        self.ref = msgspec.to_builtins(submitted.ref)
        self.log.info("%s %s", submitted.ref, "is there already" if submitted.attached else "created")
        return super()._followed(cluster)

    def _node(self) -> DagNode:
        words = {word: value for word in WORDS if (value := getattr(self, word, None)) is not None}
        ti: Any = self.task_instance
        return node_of(
            getattr(self, "node", None),
            {word: value for word, value in words.items() if word in self._given},
            task_id=ti.task_id,
            coupling=self._given["coupling"],
            folder=Path("/"),  # the DAG's files are on the workers: one of them does what needs them
            render=lambda value: value,
        )
