"""From a task instance to its node in the cluster: submitted, found again, or found at its end."""

from dataclasses import dataclass
from functools import partial
from typing import Any

from airflow.providers.common.compat.sdk import AirflowTaskTimeout

from dagset import constants
from dagset.cluster.protocol import Cluster
from dagset.cluster.weather import with_patience
from dagset.compile import Bundle, compile_node
from dagset.model import DagNode, Ref
from dagset.observe import judge, verdict
from dagset.run.existing import generation_of
from dagset.run.follow import look
from dagset.run.owners import newest, ref_of
from dagset.run.release import cancel_identity
from dagset.run.stopping import Stop, Stopped, listening
from dagset.run.submit import Submitted, submit
from dagset_airflow.following import Log
from dagset_airflow.identity import first_try, identity_of
from dagset_airflow.strays import signed

__all__ = ["Launched", "launched", "left_running"]


@dataclass(frozen=True, slots=True)
class Launched:
    """A node that a try follows, or whose end it tells, with what was sent for it."""

    ref: Ref
    bundle: Bundle


def launched(node: DagNode, ti: Any, *, retries: int, cluster: Cluster, log: Log, stop: Stop) -> Launched:
    """Return the node of a task instance: a new one, or what an earlier try since the last Clear has left.

    What is left and runs is followed. What has ended is taken, too, unless it is to be retried: nobody but us knows
    how it ended, or this would be no retry. What runs since before the Clear is cancelled.

    Raises:
        Stopped: `stop` was set; nothing is left in the cluster.
        AirflowTaskTimeout: likewise.
        DagsetError: as `submit`.
    """
    identity = identity_of(ti)
    node = signed(node, identity)
    try:
        with listening(stop) as incoming:
            put = partial(submit, node, identity, cluster=cluster, on_conflict="attach", sleep=incoming.pause)
            submitted = put(since=first_try(ti, retries=retries), tell=log.warning)
            if submitted.ended and _is_to_be_retried(submitted.ref, cluster):
                submitted = put()
    except (Stopped, AirflowTaskTimeout) as why:
        ref = cancel_identity(identity, cluster=cluster, on_wait=log.info)
        told = "nothing was submitted" if ref is None else f"{ref} was cancelled and is gone"
        raise type(why)(told) from None
    log.info("%s %s", submitted.ref, _how(submitted))
    return Launched(submitted.ref, compile_node(node, identity.with_generation(submitted.generation)))


def left_running(ti: Any, *, retries: int, cluster: Cluster) -> Ref | None:
    """Return the node that this try, or one before it since the last Clear, has submitted; None: it is gone."""
    identity = identity_of(ti)
    labels = {constants.IDENTITY: identity.key}
    found = with_patience(partial(newest, labels, cluster=cluster, namespace=cluster.namespace))
    return ref_of(found) if found is not None and generation_of(found) >= first_try(ti, retries=retries) else None


def _is_to_be_retried(ref: Ref, cluster: Cluster) -> bool:
    outcome = judge(with_patience(partial(look, ref, cluster=cluster)))
    return outcome is None or verdict(outcome, "airflow") == "retry"


def _how(submitted: Submitted) -> str:
    if submitted.ended:
        return "has ended already, in a try that could not tell: taking its end"
    return "is running already: following it" if submitted.attached else "created"
