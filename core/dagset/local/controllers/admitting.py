"""The stand-in for Kueue: whoever asks for a queue is let through at once, for there are no queues here."""

from dagset import constants
from dagset.local.controllers.changes import Object

__all__ = ["ADMITTED", "admitted_at_once"]

ADMITTED = "the local cluster has no queues: whoever asks for one is admitted at once"


def admitted_at_once(owner: Object) -> Object | None:
    """Give the Job or JobSet as it is admitted; None when it asks for no queue, runs, or was suspended by somebody.

    Created suspended is what no controller has written a status for: a later suspension is the user's and stays.
    """
    metadata, status = owner["metadata"], owner.get("status")
    asks = constants.KUEUE_QUEUE in (metadata.get("labels") or {}) and "deletionTimestamp" not in metadata
    if not asks or status or not owner["spec"].get("suspend"):
        return None
    return {**owner, "spec": {**owner["spec"], "suspend": False}}
