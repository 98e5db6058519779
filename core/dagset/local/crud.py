"""What each verb does to the store: create, replace, patch, delete, evict. No HTTP here."""

from dagset.constants import DISRUPTION_TARGET
from dagset.local.admission import DEFAULT_ACCOUNT, admitted_pod, check_namespace, quota_refusals
from dagset.local.errors import AlreadyExists, Conflict, NotFound
from dagset.local.objects import Object, born, is_deleting, replaced, timestamp
from dagset.local.patch import merged, with_only_status, without_status_change
from dagset.local.requests import DeleteOptions, Query, Target
from dagset.local.resources import RESOURCES, Resource
from dagset.local.status import ApiError, bad_request, success
from dagset.local.store import Store
from dagset.local.validation import check, check_change, check_readable, prepared

__all__ = ["create", "delete", "evict", "find", "furnish", "is_terminal", "patch", "replace"]


def find(store: Store, target: Target) -> Object:
    """Give the object that a path names, or raise NotFound."""
    found = store.get(target.resource.kind, target.namespace or "", target.name or "")
    if found is None:
        text = f'{target.resource.full_name} "{target.name}" not found'
        raise NotFound(text, kind=target.resource.kind, name=target.name or "")
    return found


def create(store: Store, target: Target, *, body: Object, query: Query) -> Object:
    """Store a new object, or only say what it would be."""
    resource, namespace = target.resource, target.namespace
    if namespace is None:
        raise bad_request(f"a {resource.kind} is created in a namespace: /namespaces/NAME/{resource.plural}")
    wanted = prepared(resource, wanted=body, namespace=namespace)
    check_namespace(store, namespace)
    if resource.kind == "Pod":
        wanted = admitted_pod(store, wanted)
    check(resource, thing=wanted, is_strict=query.values.get("fieldValidation") == "Strict")
    if (refusal := quota_refusals(store, resource.kind, [wanted])[0]) is not None:
        raise refusal
    if query.is_dry_run:
        return _as_if_created(store, resource, wanted=wanted, namespace=namespace)
    created = store.create(resource.kind, wanted)
    if resource.kind == "Namespace":
        furnish(store, namespace=created["metadata"]["name"])
    return created


def furnish(store: Store, *, namespace: str) -> None:
    """Put into a namespace what every one has: the service account of pods that name none."""
    if store.get("ServiceAccount", namespace, DEFAULT_ACCOUNT) is None:
        store.create("ServiceAccount", {"metadata": {"name": DEFAULT_ACCOUNT, "namespace": namespace}})


def replace(store: Store, target: Target, *, body: Object, query: Query) -> Object:
    """Put the whole object (or its status, by the subresource) in place of the present one."""
    current = find(store, target)
    wanted = prepared(target.resource, wanted=body, namespace=target.namespace or "")
    if "status" in body:
        wanted["status"] = body["status"]
    return _write(store, target, current=current, wanted=wanted, version=_version_in(body), query=query)


def patch(store: Store, target: Target, *, body: Object, query: Query) -> Object:
    """Merge a patch into the object, or into its status by the subresource."""
    current = find(store, target)
    wanted = merged(current, body)
    if not isinstance(wanted.get("metadata"), dict):
        raise bad_request("the patch takes the metadata away")
    return _write(store, target, current=current, wanted=wanted, version=_version_in(body), query=query)


def delete(store: Store, target: Target, *, options: DeleteOptions) -> Object:
    """Delete an object; gives it back while it is still there (finalizers, pods), else a `Status` of success."""
    current = find(store, target)
    version = current["metadata"]["resourceVersion"]
    if options.version not in (None, version):
        text = f"the resourceVersion in the precondition ({options.version}) is not that of the object ({version})"
        raise Conflict(text, kind=target.resource.kind, name=target.name or "")
    if options.is_dry_run:
        return current
    kind, namespace, name = target.resource.kind, target.namespace or "", current["metadata"]["name"]
    if kind == "Namespace":
        _empty(store, namespace=name)
    propagation = options.propagation
    if kind == "Job" and propagation is None and not is_deleting(current):
        propagation = "Orphan"  # what batch/v1 does when nothing is said (tried with the real API)
    left = store.delete(kind, namespace, name, uid=options.uid, propagation=propagation, grace_s=options.grace_s)
    if store.get(kind, namespace, name) is None:
        return success(target.resource, name=name, uid=current["metadata"]["uid"])
    return left


def evict(store: Store, target: Target, *, body: Object, query: Query, now: float) -> Object:
    """Drain one pod: tell why in a DisruptionTarget condition, then delete it in its grace period.

    Source:
        Kubernetes, "API-initiated eviction" and "Disruptions", pod disruption conditions.
    """
    pod = find(store, target)
    options = DeleteOptions.read(query, body=body.get("deleteOptions") or {})
    status = pod.get("status") or {}
    if not is_deleting(pod) and not is_terminal(pod) and not options.is_dry_run:
        told = {"type": DISRUPTION_TARGET, "status": "True", "reason": "EvictionByEvictionAPI"}
        told |= {"message": "Eviction API: evicting", "lastTransitionTime": timestamp(now)}
        kept = [condition for condition in status.get("conditions") or [] if condition["type"] != DISRUPTION_TARGET]
        store.update("Pod", {**pod, "status": {**status, "conditions": [*kept, told]}})
    delete(store, target, options=options)
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


def is_terminal(pod: Object) -> bool:
    """Say whether a pod has ended, well or not."""
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def _write(
    store: Store, target: Target, *, current: Object, wanted: Object, version: str | None, query: Query
) -> Object:
    resource, metadata = target.resource, wanted["metadata"]
    check_readable(resource, thing=wanted)
    if metadata.get("name") != current["metadata"]["name"]:
        raise bad_request(f"the name of the object ({metadata.get('name')}) is not that of the path ({target.name})")
    uid = current["metadata"]["uid"]
    if metadata.get("uid", uid) != uid:
        text = f"the UID in the request ({metadata['uid']}) is not that of the object ({uid})"
        raise Conflict(text, kind=resource.kind, name=target.name or "")
    if target.subresource == "status":
        wanted = with_only_status(current, wanted=wanted)
    else:
        if resource.has_status:
            wanted = without_status_change(current, wanted=wanted)
        check(resource, thing=wanted, is_strict=query.values.get("fieldValidation") == "Strict")
        check_change(resource, current=current, wanted=wanted)
    if query.is_dry_run:
        return replaced(current, wanted=wanted)
    return store.update(resource.kind, wanted, expected_version=version)


def _version_in(body: Object) -> str | None:
    version = (body.get("metadata") or {}).get("resourceVersion")
    return str(version) if version else None


def _as_if_created(store: Store, resource: Resource, *, wanted: Object, namespace: str) -> Object:
    name = wanted["metadata"].get("name") or f"{wanted['metadata']['generateName']}xxxxx"
    if store.get(resource.kind, namespace, name) is not None:
        raise AlreadyExists(f'{resource.full_name} "{name}" already exists', kind=resource.kind, name=name)
    return born(wanted, name=name, namespace=namespace, now=0)


def _empty(store: Store, *, namespace: str) -> None:
    if namespace == "default":
        raise ApiError(403, "Forbidden", 'namespaces "default" is forbidden: this namespace may not be deleted')
    for resource in RESOURCES:
        if resource.namespaced:
            for thing in store.list(resource.kind, namespace)[0]:
                store.delete(resource.kind, namespace, thing["metadata"]["name"], propagation="Background")
