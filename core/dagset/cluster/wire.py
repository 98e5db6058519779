"""Each verb as a value: what is sent to the API server, made without sending it."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from dagset import constants
from dagset.cluster.protocol import Labels, Manifest, Propagation

__all__ = ["Request", "create", "delete", "document", "get", "list_", "logs", "patch", "watch"]

FIELD_MANAGER = "dagset"
# The real server closes a watch after 30 to 60 minutes by itself (kube-apiserver --min-request-timeout 1800, randomised
# up to double). Asked for a little less, the end is always one that we expect.
WATCH_ENDS_S = 1740


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. `what` names it for people (`create Job ml/train-1`); `body` is JSON when sent."""

    what: str
    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: Manifest | None = None
    content_type: str = "application/json"

    @property
    def target(self) -> str:
        """Return path and query as they stand on the request line."""
        return f"{self.path}?{urlencode(self.query)}" if self.query else self.path


def create(manifest: Manifest, *, namespace: str, dry_run: bool = False) -> Request:
    """Return the POST; unknown and doubled fields are an error there, not a silent loss."""
    kind, name = manifest["kind"], manifest["metadata"]["name"]
    query = (("fieldManager", FIELD_MANAGER), ("fieldValidation", "Strict"), *((("dryRun", "All"),) if dry_run else ()))
    # An eviction is asked for by creating a subresource of the pod (kubernetes/api: policy/v1/types.go).
    is_eviction = kind == "Eviction"
    path = _path("Pod", namespace, name) + "/eviction" if is_eviction else _path(constants.kind_of(manifest), namespace)
    words = "dry run of " if dry_run else ""
    return Request(f"{words}create {kind} {namespace}/{name}", "POST", path, query, manifest)


def get(kind: str, *, namespace: str, name: str) -> Request:
    """Return the GET of one object."""
    return Request(f"get {kind} {namespace}/{name}", "GET", _path(kind, namespace, name))


def document(path: str) -> Request:
    """Return the GET of what is no object: `/version`, `/apis/GROUP`."""
    return Request(f"read {path}", "GET", path)


def list_(kind: str, *, namespace: str, labels: Labels, fields: Mapping[str, str] | None = None) -> Request:
    """Return the GET of all objects with these labels, as of now (no resourceVersion: a consistent read)."""
    query = (*_selector(labels), *_selector(fields or {}, by="fieldSelector"))
    return Request(f"list {kind}s in {namespace or 'all namespaces'}", "GET", _path(kind, namespace), query)


def watch(kind: str, *, namespace: str, labels: Labels, resource_version: str) -> Request:
    """Return the GET that stays open and tells changes after `resource_version`."""
    query = (
        *_selector(labels),
        ("watch", "true"),
        ("resourceVersion", resource_version),
        ("allowWatchBookmarks", "true"),
        ("timeoutSeconds", str(WATCH_ENDS_S)),
    )
    return Request(f"watch {kind}s in {namespace}", "GET", _path(kind, namespace), query)


def patch(kind: str, *, namespace: str, name: str, body: Manifest) -> Request:
    """Return the merge patch: the one kind of patch that built-in and custom objects both take."""
    what, path = f"patch {kind} {namespace}/{name}", _path(kind, namespace, name)
    query = (("fieldManager", FIELD_MANAGER), ("fieldValidation", "Strict"))
    return Request(what, "PATCH", path, query, body, content_type="application/merge-patch+json")


def delete(kind: str, *, namespace: str, name: str, uid: str, propagation: Propagation) -> Request:
    """Return the DELETE that touches this uid only, not another object that took the name."""
    options = {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "propagationPolicy": propagation,
        "preconditions": {"uid": uid},
    }
    return Request(f"delete {kind} {namespace}/{name}", "DELETE", _path(kind, namespace, name), (), options)


def logs(*, namespace: str, pod: str, follow: bool, since_time: str | None, tail: int | None = None) -> Request:
    """Return the GET of the main container's log, every line with its time in front."""
    query = [("container", constants.MAIN_CONTAINER), ("timestamps", "true")]
    query += [("follow", "true")] if follow else []
    query += [("sinceTime", since_time)] if since_time else []
    query += [("tailLines", str(tail))] if tail is not None else []
    return Request(f"logs of Pod {namespace}/{pod}", "GET", _path("Pod", namespace, pod) + "/log", tuple(query))


def _path(kind: str, namespace: str, name: str = "") -> str:
    """Return the resource's path; an empty namespace means all of them, or an object that lives in none."""
    version = constants.API_VERSIONS[kind]
    root = "apis" if "/" in version else "api"
    parts = [root, *version.split("/"), *(["namespaces", namespace] if namespace else []), constants.PLURALS[kind]]
    return "/" + "/".join(quote(part, safe="") for part in ([*parts, name] if name else parts))


def _selector(labels: Labels, *, by: str = "labelSelector") -> tuple[tuple[str, str], ...]:
    """Return the selector of objects that carry all these labels, or have these fields (kubernetes docs: Selectors)."""
    parts = (f"{key}={value}" if isinstance(value, str) else _one_of(key, value) for key, value in labels.items())
    return ((by, ",".join(sorted(parts))),) if labels else ()


def _one_of(key: str, values: tuple[str, ...]) -> str:
    return f"{key} in ({','.join(sorted(values))})"
