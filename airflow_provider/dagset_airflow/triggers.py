"""What follows a deferred task's node in the triggerer: the worker's own loop, in a thread that sleeps."""

import asyncio
import contextlib
import contextvars
import threading
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any, TypeVar

import msgspec
from airflow.triggers.base import BaseTrigger, TriggerEvent

from dagset.cluster.protocol import Cluster
from dagset.model import Ref
from dagset.observe import Outcome, plain
from dagset.run.connect import describe
from dagset.run.stopping import Stop, Stopped
from dagset_airflow.following import followed
from dagset_airflow.kills import TELLS_KILLS, is_deferred
from dagset_airflow.sharing import Lent, borrowed
from dagset_airflow.strays import Pace
from dagset_airflow.sweeping import followed_here, states_of, sweep

__all__ = ["NodeTrigger"]

PODS_AT_ONCE = 16  # of each node, in a process that follows hundreds
SWEEPS = Pace(30.0)  # one for all triggers of this process

T = TypeVar("T")


class NodeTrigger(BaseTrigger):
    """Waits for the end of a node, and fires one event, the same however often it is asked.

    The event has `ref`, `keep` and one of: `outcome`; `timed_out`, once `until` is past and the node is cancelled;
    `trouble`, when the node cannot be followed from here. Nothing is deleted at an end: an event may be lost with its
    triggerer, and the next one then looks again.

    Args:
        ref: the node, as the fields of a Ref.
        keep: is handed on.
        where: the cluster words that name its cluster; no secrets, for Airflow stores them.
        until: seconds since the epoch at which the node is cancelled; None: never.
        not_before: seconds since the epoch before which no event is fired. Airflow may fail a task that comes back
            while its worker process still ends (apache/airflow issues 66374, 68741).
    """

    def __init__(
        self,
        *,
        ref: dict[str, str],
        where: dict[str, Any],
        keep: str,
        until: float | None = None,
        not_before: float = 0.0,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.ref, self.where, self.keep, self.until, self.not_before = ref, where, keep, until, not_before
        self._stop, self._is_left = Stop(), False
        self._lent: Lent | None = None
        self._end: asyncio.Future[Outcome] | None = None

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what another process makes this trigger of."""
        given = {"ref": self.ref, "where": self.where, "keep": self.keep}
        return f"{__name__}.{type(self).__name__}", given | {"until": self.until, "not_before": self.not_before}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Fire the one event."""
        found = await self._found()
        await asyncio.sleep(max(0.0, self.not_before - time.time()))
        yield TriggerEvent({"ref": self.ref, "keep": self.keep, **found})  # type: ignore[no-untyped-call]

    async def on_kill(self) -> None:
        """Cancel the node: somebody marked or cleared the task (Airflow 3.3)."""
        self._stop.set()
        if self._end is not None:
            with contextlib.suppress(Exception):
                await asyncio.shield(self._end)

    async def cleanup(self) -> None:
        """Let the node run on: another triggerer follows it. Before Airflow 3.3 kills come this way, too."""
        is_running = self._end is not None and not self._end.done()
        if not TELLS_KILLS and is_running and not await is_deferred(self.task_instance):
            await self.on_kill()
        self._is_left = True
        self._stop.set()
        if self._lent is not None:
            self._lent.give_back()

    async def _found(self) -> dict[str, Any]:
        try:
            self._lent = await borrowed(self.where)
            self._sweep(self._lent.cluster)
            outcome = await self._outcome(self._lent.cluster)
            self._sweep(self._lent.cluster)
            if outcome.reason == "expired":  # or the triggerer's settings mean another cluster: the worker will know
                return {"trouble": f"it is not there ({describe(self._lent.cluster)})"}
            return {"outcome": plain(outcome)}
        except Stopped:
            return {"timed_out": True}
        except Exception as error:
            self.log.exception("cannot follow from the triggerer")
            return {"trouble": f"{type(error).__name__}: {error}"}

    def _sweep(self, cluster: Cluster) -> None:
        """Have nodes that nobody wants any more deleted, beside all else, and not each time."""
        if SWEEPS.may(describe(cluster)):
            _in_thread(lambda: sweep(cluster, log=self.log, states=states_of), name="sweep")

    async def _outcome(self, cluster: Cluster) -> Outcome:
        self._end = end = _in_thread(lambda: self._followed(cluster), name=f"follow {self.ref['name']}")
        left_s = None if self.until is None else max(0.0, self.until - time.time())
        await asyncio.wait([end], timeout=left_s)
        if not end.done():
            self.log.warning("execution_timeout is over")
            self._stop.set()
        return await asyncio.shield(end)

    def _followed(self, cluster: Cluster) -> Outcome:
        with followed_here(self.ref["uid"]):
            return followed(
                msgspec.convert(self.ref, Ref),
                cluster=cluster,
                log=self.log,
                stop=self._stop,
                is_left=lambda: self._is_left,
                pods_at_once=PODS_AT_ONCE,
            )


def _in_thread(work: Callable[[], T], *, name: str) -> "asyncio.Future[T]":
    """Run it in a thread of its own (asyncio's are few), which knows whose log it writes; awaiting waits for it."""
    loop = asyncio.get_running_loop()
    end: asyncio.Future[T] = loop.create_future()

    def failed(error: BaseException) -> None:
        if not end.done():
            end.set_exception(error)
            end.exception()  # looked at: nobody may be waiting any more

    def succeeded(result: T) -> None:
        if not end.done():
            end.set_result(result)

    def run() -> None:
        try:
            told = partial(succeeded, work())
        except BaseException as error:  # noqa: BLE001  raised where it is awaited
            told = partial(failed, error)
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody listens
            loop.call_soon_threadsafe(told)

    threading.Thread(target=contextvars.copy_context().run, args=(run,), name=name, daemon=True).start()
    return end
