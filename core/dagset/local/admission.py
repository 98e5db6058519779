"""Whether a pod may be created: its service account, its priority class, the quotas of its namespace.

Source:
    Kubernetes 1.36, plugin/pkg/admission: serviceaccount and priority; the texts are theirs, tried with the real one.
"""

from collections.abc import Sequence
from typing import Protocol

from dagset.local.objects import Object
from dagset.local.quota import refusals_by_quota
from dagset.local.resources import resource_of
from dagset.local.status import ApiError

__all__ = ["DEFAULT_ACCOUNT", "AdmissionStore", "admitted_pod", "check_namespace", "quota_refusals"]

DEFAULT_ACCOUNT = "default"
_SYSTEM_CLASSES = {"system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000}


class AdmissionStore(Protocol):
    """What admission needs of the store."""

    def get(self, kind: str, namespace: str, name: str) -> Object | None:
        """Give one object, or None."""

    def list(self, kind: str, namespace: str | None = None) -> tuple[list[Object], int]:
        """Give the objects of a kind in a namespace."""


def check_namespace(store: AdmissionStore, namespace: str) -> None:
    """Refuse (404) what is to be created in a namespace that does not exist; `default` always does."""
    if namespace not in ("", "default") and store.get("Namespace", "", namespace) is None:
        details = {"name": namespace, "kind": "namespaces"}
        raise ApiError(404, "NotFound", f'namespaces "{namespace}" not found', details=details)


def admitted_pod(store: AdmissionStore, pod: Object) -> Object:
    """Give the pod with what admission adds (its priority, by its class).

    Raises:
        ApiError: 403, for an unknown service account or priority class.
    """
    namespace, spec = pod["metadata"]["namespace"], pod.get("spec") or {}
    account = spec.get("serviceAccountName") or DEFAULT_ACCOUNT
    # The default account is as good as there: the real controller makes it again as soon as somebody deletes it.
    if account != DEFAULT_ACCOUNT and store.get("ServiceAccount", namespace, account) is None:
        why = f'error looking up service account {namespace}/{account}: serviceaccount "{account}" not found'
        raise _forbidden(pod, why=why)
    if not (name := spec.get("priorityClassName")):
        return pod
    known = store.get("PriorityClass", "", name)
    value = _SYSTEM_CLASSES.get(name) if known is None else known.get("value", 0)
    if value is None:
        raise _forbidden(pod, why=f"no PriorityClass with name {name} was found")
    return {**pod, "spec": {**spec, "priority": value}}


def quota_refusals(store: AdmissionStore, kind: str, things: Sequence[Object]) -> list[ApiError | None]:
    """Give for each new object of one kind and namespace the refusal (403) when the quotas there leave no room."""
    namespace = things[0]["metadata"].get("namespace") if things else None
    quotas = store.list("ResourceQuota", namespace)[0] if namespace else []
    if not quotas:
        return [None] * len(things)

    def those(kind: str) -> list[Object]:
        return store.list(kind, namespace)[0]

    reasons = refusals_by_quota(things, kind=kind, quotas=quotas, things=those)
    return [
        None if why is None else _forbidden(thing, kind=kind, why=why)
        for thing, why in zip(things, reasons, strict=True)
    ]


def _forbidden(thing: Object, *, kind: str = "Pod", why: str) -> ApiError:
    resource = resource_of(kind)
    name = thing["metadata"].get("name") or thing["metadata"].get("generateName") or ""
    group = {"group": resource.group} if resource.group else {}
    details = {"name": name, **group, "kind": resource.plural}
    return ApiError(403, "Forbidden", f'{resource.full_name} "{name}" is forbidden: {why}', details=details)
