"""Whether a pod may be created: its service account, its priority class, the quotas of its namespace.

Source:
    Kubernetes 1.36, plugin/pkg/admission: serviceaccount and priority; the texts are theirs, tried with the real one.
"""

from collections.abc import Sequence
from typing import Protocol

from dagset.local.objects import Object
from dagset.local.quota import refusals_by_quota
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
    namespace, spec = pod["metadata"]["namespace"], pod["spec"]
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


def quota_refusals(store: AdmissionStore, pods: Sequence[Object]) -> list[ApiError | None]:
    """Give for each new pod of one namespace the refusal (403) when the quotas there leave no room for it."""
    namespace = pods[0]["metadata"]["namespace"] if pods else ""
    quotas = store.list("ResourceQuota", namespace)[0]
    if not pods or not quotas:
        return [None] * len(pods)
    reasons = refusals_by_quota(pods, quotas=quotas, pods=store.list("Pod", namespace)[0])
    return [None if why is None else _forbidden(pod, why=why) for pod, why in zip(pods, reasons, strict=True)]


def _forbidden(pod: Object, *, why: str) -> ApiError:
    name = pod["metadata"].get("name") or pod["metadata"].get("generateName") or ""
    details = {"name": name, "kind": "pods"}
    return ApiError(403, "Forbidden", f'pods "{name}" is forbidden: {why}', details=details)
