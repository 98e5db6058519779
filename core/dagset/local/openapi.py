"""As much OpenAPI v3 as kubectl wants before it sends a manifest: that the server checks fields by itself."""

from typing import Any

from dagset.local.resources import RESOURCES, Resource

__all__ = ["openapi_at"]


def openapi_at(path: str) -> dict[str, Any] | None:
    """Give the OpenAPI index or the document of one group version, or None when the path is none of these."""
    if path == "/openapi/v3":
        return {"paths": {place: {"serverRelativeURL": f"/openapi/v3/{place}"} for place in _places()}}
    place = path.removeprefix("/openapi/v3/")
    if place == path or place not in _places():
        return None
    paths = {_path(resource): _operations(resource) for resource in RESOURCES if _place(resource) == place}
    return {"openapi": "3.0.0", "info": {"title": "dagset local", "version": "v1"}, "paths": paths}


def _places() -> set[str]:
    return {_place(resource) for resource in RESOURCES}


def _place(resource: Resource) -> str:
    return f"apis/{resource.api_version}" if resource.group else f"api/{resource.api_version}"


def _path(resource: Resource) -> str:
    namespace = "/namespaces/{namespace}" if resource.namespaced else ""
    return f"/{_place(resource)}{namespace}/{resource.plural}/{{name}}"


def _operations(resource: Resource) -> dict[str, Any]:
    """kubectl looks for the parameter fieldValidation under PATCH of the kind (kubectl: query param verifier)."""
    parameter = {"name": "fieldValidation", "in": "query", "schema": {"type": "string"}}
    version = resource.api_version.rpartition("/")[2]
    kind = {"group": resource.group, "version": version, "kind": resource.kind}
    return {"patch": {"parameters": [parameter], "responses": {}, "x-kubernetes-group-version-kind": kind}}
