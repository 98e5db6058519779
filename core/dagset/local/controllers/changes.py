"""What a reconciler wants changed, and the few readings of objects that both controllers need."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

__all__ = [
    "Changes",
    "Object",
    "condition_of",
    "earliest",
    "is_deleting",
    "is_true",
    "moment",
    "owner_reference",
    "time_text",
]

Object = dict[str, Any]


@dataclass(frozen=True)
class Changes:
    """What to write, in this order: create, status, update, delete, settled. Applied within one turn of the event loop.

    The process may be killed between any two writes: what is reconciled then must come to the same end.

    Attributes:
        status: the whole new status; None leaves it.
        update: whole objects (of other kinds than the reconciled one) to store instead of those of the same name.
        delete: objects whose deletion is to be asked for: pods with their grace period, Jobs in the foreground.
        create: objects to create; what has the name of an existing Service is left alone.
        settled: the whole status again, once all of the above is written; None leaves it as `status` says.
        wake_s: look again after so many seconds even if nothing happens.
    """

    status: Object | None = None
    update: tuple[Object, ...] = ()
    delete: tuple[Object, ...] = ()
    create: tuple[Object, ...] = ()
    settled: Object | None = None
    wake_s: float | None = None


def time_text(moment: datetime) -> str:
    """Give the time as Kubernetes writes it in objects: UTC, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(text: str) -> datetime:
    """Read a time of an object."""
    return datetime.fromisoformat(text)


def is_deleting(thing: Object) -> bool:
    """Say whether somebody has asked for the object's deletion."""
    return "deletionTimestamp" in thing["metadata"]


def condition_of(thing: Object, *, type_: str) -> Object | None:
    """Give the status condition of that type, None when there is none."""
    conditions = (thing.get("status") or {}).get("conditions") or []
    return next((condition for condition in conditions if condition["type"] == type_), None)


def is_true(thing: Object, *, type_: str) -> bool:
    """Say whether the status condition of that type is there and True."""
    condition = condition_of(thing, type_=type_)
    return condition is not None and condition["status"] == "True"


def owner_reference(owner: Object) -> Object:
    """Give the reference by which a controller owns what it makes (Kubernetes: metav1.NewControllerRef)."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def earliest(waits: Iterable[float | None]) -> float | None:
    """Give the smallest wait, None when there is none."""
    return min((wait for wait in waits if wait is not None), default=None)
