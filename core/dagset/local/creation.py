"""Creates what controllers want, as the API server would: with defaults, checked, admitted."""

from collections.abc import Sequence

from dagset.local.admission import admitted_pod, quota_refusals
from dagset.local.errors import StoreError
from dagset.local.objects import Object, generated_name
from dagset.local.resources import resource_of
from dagset.local.status import ApiError, api_error_of
from dagset.local.store import Store
from dagset.local.validation import check, prepared

__all__ = ["Refusal", "create_all"]

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
    for pod, problem in zip(fit, quota_refusals(store, fit), strict=True):
        if problem is None:
            store.create("Pod", pod)
        else:
            refused.append((pod, problem))
    return refused


def _named(pod: Object) -> Object:
    return {**pod, "metadata": {**pod["metadata"], "name": generated_name(pod["metadata"]["generateName"])}}
