"""Following a node into a task's log: what a worker and the triggerer do alike."""

import contextlib
import contextvars
import math
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from airflow.providers.common.compat.sdk import AirflowTaskTimeout

from dagset.cluster.protocol import Cluster
from dagset.model import Ref
from dagset.observe import Observation, Outcome, Phase, judge
from dagset.run.follow import follow
from dagset.run.logs import LogStream
from dagset.run.release import cancel
from dagset.run.release import settle as settle_node
from dagset.run.stopping import Stop, Stopped

__all__ = ["Log", "PhaseTold", "cancelled", "followed", "noted", "settled"]

PACE_S = 10.0


class Log(Protocol):
    """A task's log."""

    def info(self, text: str, /, *args: Any) -> Any:
        """Write a line."""

    def warning(self, text: str, /, *args: Any) -> Any:
        """Write a line that matters."""


PhaseTold = Callable[[str, str], None]


def followed(
    ref: Ref,
    *,
    cluster: Cluster,
    log: Log,
    stop: Stop,
    is_left: Callable[[], bool] = lambda: False,
    on_phase: PhaseTold = lambda _name, _detail: None,
    with_lines: bool = True,
    pods_at_once: int = 64,
) -> Outcome:
    """Wait for the end of a node, with phases and the lines of all pods in the log.

    Args:
        ref: the node.
        cluster: where it is.
        log: the task's.
        stop: when set, the node is cancelled.
        is_left: says, when `stop` is set, that the node runs on and somebody else follows it.
        on_phase: told of name and detail of a phase as the log is.
        with_lines: False reads no lines of pods.
        pods_at_once: of how many pods lines are read at the same time.

    Raises:
        Stopped: see `stop`.
        AirflowTaskTimeout: Airflow says so to a worker; the node is cancelled.
        DagsetError: it cannot be followed; it runs on.
    """
    # Airflow's log knows its task by context variables, which the threads that read pods do not have.
    sink = partial(contextvars.copy_context().run, log.info, "%s %s")
    logs = LogStream(cluster, ref=ref, sink=sink, at_once=pods_at_once)
    read, patience_s, within_s = logs if with_lines else None, 5.0, 60.0
    tell = _paced(log, on_phase)
    try:
        outcome = follow(ref, cluster=cluster, on_change=tell, on_trouble=log.warning, logs=read, stop=stop)
    except (Stopped, AirflowTaskTimeout) as why:
        if isinstance(why, Stopped) and is_left():
            patience_s = within_s = 0.0
            raise
        cancelled(ref, cluster=cluster, log=log)
        raise type(why)(f"{ref} was cancelled and is gone") from None
    finally:
        lost = logs.finish(patience_s=patience_s, within_s=within_s)
        for prefix, reason in lost.items() if within_s else ():
            log.warning("lines of %s are missing: %s", prefix, reason)
    return outcome


def cancelled(ref: Ref, *, cluster: Cluster, log: Log) -> None:
    """Delete a node and return when its pods are gone."""
    log.warning("cancelling %s: deleting it and its pods", ref)
    cancel(ref, cluster=cluster, on_wait=log.info)
    log.warning("%s is gone", ref)


def settled(ref: Ref, outcome: Outcome, *, keep: str, cluster: Cluster, log: Log) -> None:
    """Keep or delete a node whose end is known, and say so."""
    kept = settle_node(ref, outcome, keep=keep, cluster=cluster, on_trouble=log.warning)
    if kept is not None:
        log.info("%s %s (keep: %s)", ref, "is kept until its ttl" if kept else "deleted", keep)


def noted(context: Any, ref: Ref) -> PhaseTold:
    """Return what notes a phase in the task's state store, for its REST API; does nothing before Airflow 3.3.

    The triggerer has no such store in 3.3.2 (airflow-core: jobs/triggerer_job_runner.py `_handle_request`).
    """
    store = context.get("task_state_store")

    def note(name: str, detail: str) -> None:
        with contextlib.suppress(Exception):  # what is only shown may not end the task
            store.set("dagset", {"node": str(ref), "phase": name, "detail": detail})

    return note if store is not None else lambda _name, _detail: None


def _paced(log: Log, on_phase: PhaseTold) -> Callable[[Observation, Phase], None]:
    """Return what tells of a phase when it begins, and of its counts every 10 s at most; the end is told elsewhere."""
    name, told_at = "", -math.inf

    def look(seen: Observation, phase: Phase) -> None:
        nonlocal name, told_at
        now = time.monotonic()
        if judge(seen) is None and (phase.name != name or now - told_at >= PACE_S):
            name, told_at = phase.name, now
            log.info("%s: %s", phase.name, phase.detail)
            on_phase(phase.name, phase.detail)

    return look
