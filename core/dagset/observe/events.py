"""Events that say what nothing else says: refused pods and Jobs, volumes and devices that are not there.

A bounded memory.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dagset.observe import reading

__all__ = ["POD_EVENTS", "Told", "Events", "remember_event", "about"]

# Who writes them (kubernetes: pkg/controller/controller_utils.go, pkg/controller/resourceclaim/controller.go,
# pkg/kubelet/events/event.go; jobset: pkg/constants/constants.go). What the kubelet says of containers stands in the
# pod's own status.
OF_VOLUMES = ("FailedMount", "FailedAttachVolume", "FailedMapVolume")
POD_EVENTS = (*OF_VOLUMES, "FailedCreatePodSandBox", "FailedResourceClaimCreation", "FailedPrepareDynamicResources")
TELLING = {"FailedCreate", "JobCreationFailed", *POD_EVENTS}
OBJECTS_KEPT = 50
WORDS_LENGTH = 400


@dataclass(frozen=True, slots=True)
class Told:
    """What somebody last said about an object for one reason; `at` is in the server's time."""

    reason: str
    message: str
    at: float | None


Events = Mapping[str, tuple[Told, ...]]  # by the uid of the object that they are about


def remember_event(known: Events, event: Mapping[str, Any]) -> Events:
    """Return what is known after one more event; of each object the last for each reason."""
    uid, reason = reading.text(event, "involvedObject", "uid"), reading.text(event, "reason")
    message = reading.text(event, "message")
    if reason not in TELLING or not uid or (uid not in known and len(known) >= OBJECTS_KEPT):
        return known
    told, before = Told(reason, _essence(message), _at(event)), known.get(uid, ())
    older = [each for each in before if each.reason == reason]
    if any((each.at or 0) > (told.at or 0) for each in older):
        return known
    return {**known, uid: (*(each for each in before if each.reason != reason), told)}


def about(known: Events, uid: str, reasons: tuple[str, ...]) -> Told | None:
    """Return the latest event about an object for one of the reasons."""
    told = (each for each in known.get(uid, ()) if each.reason in reasons)
    return max(told, key=lambda each: each.at or 0, default=None)


def _at(event: Mapping[str, Any]) -> float | None:
    """Return when it was last seen: events of both APIs are one object, each fills in its own fields."""
    paths = (("series", "lastObservedTime"), ("lastTimestamp",), ("eventTime",), ("metadata", "creationTimestamp"))
    return next((at for path in paths if (at := reading.seconds(event, *path)) is not None), None)


def _essence(message: str) -> str:
    """Return the words without the name of the pod that was to be made, which differs in each try."""
    words = message.removeprefix("(combined from similar events): ").removeprefix("Error creating: ")
    if words.startswith("pods "):
        words = words.partition(" is forbidden: ")[2] or words
    return words.strip()[:WORDS_LENGTH]
