"""Creates what controllers want, as the API server would: with defaults, checked, admitted."""

from collections.abc import Sequence
from dataclasses import replace

from dagset.local.admission import admitted_pod, quota_refusals
from dagset.local.controllers.changes import Changes
from dagset.local.errors import StoreError
from dagset.local.events import FAILED_CREATE, JOB_CREATION_FAILED
from dagset.local.objects import Object, generated_name
from dagset.local.resources import resource_of
from dagset.local.status import ApiError, api_error_of
from dagset.local.store import Store
from dagset.local.validation import check, prepared

__all__ = ["Refusal", "as_created", "create_all", "words_of"]

Refusal = tuple[Object, ApiError]


def create_all(store: Store, wanted: Sequence[Object]) -> list[Refusal]:
    """Create the objects; gives those that the server refuses, with its words, in their order.

    A Service whose name is taken is left alone, whosever it is, as the JobSet controller does.
    """
    refused = _create_pods(store, [thing for thing in wanted if thing["kind"] == "Pod"])
    for thing in wanted:
        if thing["kind"] != "Pod" and (problem := _create(store, thing)) is not None:
            refused.append((thing, problem))
    return refused


def _create(store: Store, thing: Object) -> ApiError | None:
    resource, namespace = resource_of(thing["kind"]), thing["metadata"]["namespace"]
    if resource.kind == "Service" and store.get("Service", namespace, thing["metadata"]["name"]) is not None:
        return None
    try:
        whole = prepared(resource, wanted=thing, namespace=namespace)
        check(resource, thing=whole, is_strict=False)
        if (refusal := quota_refusals(store, resource.kind, [whole])[0]) is not None:
            return refusal
        store.create(resource.kind, whole)
    except (ApiError, StoreError) as error:
        return api_error_of(error)
    return None


def _create_pods(store: Store, pods: Sequence[Object]) -> list[Refusal]:
    """Create pods; their templates have been checked with the Job."""
    refused: list[Refusal] = []
    fit: list[Object] = []
    for pod in pods:
        try:
            fit.append(_named(admitted_pod(store, pod)))
        except ApiError as error:
            refused.append((pod, error))
    for pod, problem in zip(fit, quota_refusals(store, "Pod", fit), strict=True):
        if problem is None:
            store.create("Pod", pod)
        else:
            refused.append((pod, problem))
    return refused


def _named(pod: Object) -> Object:
    return {**pod, "metadata": {**pod["metadata"], "name": generated_name(pod["metadata"]["generateName"])}}


def as_created(changes: Changes, *, thing: Object, refused: Sequence[Refusal]) -> Changes:
    """Give the changes as they are to be written after some creations were refused.

    The Job controller counts the pods that are there. The JobSet controller gives up its turn before it writes a
    status, which then stays as it was, for ever if need be (tried with the real one).
    """
    if not refused or changes.status is None:
        return changes
    if thing["kind"] == "JobSet":
        return replace(changes, status=None)
    settled = None if changes.settled is None else _with_fewer(len(refused), status=changes.settled)
    return replace(changes, status=_with_fewer(len(refused), status=changes.status), settled=settled)


def _with_fewer(number: int, *, status: Object) -> Object:
    active = status.get("active", 0) - number
    others = {key: value for key, value in status.items() if key != "active"}
    return {**others, **({"active": active} if active else {})}


def words_of(refusal: Refusal) -> dict[str, str]:
    """Give reason and message of the event about a refusal."""
    thing, problem = refusal
    if thing["kind"] == "Pod":
        return {"reason": FAILED_CREATE, "message": f"Error creating: {problem.message}"}
    message = f'job "{thing["metadata"]["name"]}" creation failed with error: {problem.message}'
    return {"reason": JOB_CREATION_FAILED, "message": message}
