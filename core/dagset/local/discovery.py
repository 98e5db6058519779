"""What the server says it can do: versions, groups and resources, as far as kubectl and clients ask."""

from typing import Any

from dagset import constants
from dagset.local.openapi import openapi_at
from dagset.local.resources import RESOURCES, Resource

__all__ = ["document_at"]

# The Kubernetes whose behaviour the controllers follow.
_VERSION = {"major": "1", "minor": "36", "gitVersion": f"v1.36.0{constants.LOCAL_VERSION}"}
_VERSION |= {
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "none",
    "compiler": "none",
    "platform": "linux/local",
}
_VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
_GROUP_VERSIONS = sorted({resource.api_version for resource in RESOURCES if resource.group})


def document_at(path: str) -> dict[str, Any] | None:
    """Give the discovery document of a path, or None when it is none."""
    path = path.rstrip("/")
    return _DOCUMENTS.get(path) or openapi_at(path)


def _group(api_version: str) -> dict[str, Any]:
    name, _, version = api_version.partition("/")
    entry = {"groupVersion": api_version, "version": version}
    return {"name": name, "versions": [entry], "preferredVersion": entry}


def _resource_list(api_version: str) -> dict[str, Any]:
    entries = [entry for resource in RESOURCES if resource.api_version == api_version for entry in _entries(resource)]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": api_version, "resources": entries}


def _entries(resource: Resource) -> list[dict[str, Any]]:
    common = {"singularName": "", "namespaced": resource.namespaced, "kind": resource.kind}
    main = {**common, "name": resource.plural, "singularName": resource.kind.lower(), "verbs": _VERBS}
    if resource.short_names:
        main["shortNames"] = list(resource.short_names)
    if resource.in_all:
        main["categories"] = ["all"]
    entries = [main]
    if resource.has_status:
        entries.append({**common, "name": f"{resource.plural}/status", "verbs": ["get", "patch", "update"]})
    if resource.kind == "Pod":
        entries.append({**common, "name": "pods/log", "verbs": ["get"]})
        eviction = {
            "name": "pods/eviction",
            "kind": "Eviction",
            "group": "policy",
            "version": "v1",
            "verbs": ["create"],
        }
        entries.append({**common, **eviction})
    return entries


_DOCUMENTS: dict[str, dict[str, Any]] = {
    "/version": _VERSION,
    "/api": {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []},
    "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(version) for version in _GROUP_VERSIONS]},
    "/api/v1": _resource_list("v1"),
    **{f"/apis/{version}": _resource_list(version) for version in _GROUP_VERSIONS},
    **{
        f"/apis/{version.partition('/')[0]}": {"kind": "APIGroup", "apiVersion": "v1", **_group(version)}
        for version in _GROUP_VERSIONS
    },
}
