"""The kinds that the local cluster serves."""

from dataclasses import dataclass

from dagset.constants import API_VERSIONS, PLURALS

__all__ = ["RESOURCES", "Resource", "resource_at", "resource_of"]


@dataclass(frozen=True)
class Resource:
    """One kind and what discovery says of it."""

    kind: str
    short_names: tuple[str, ...] = ()
    in_all: bool = False  # `kubectl get all` shows it
    namespaced: bool = True
    has_status: bool = False

    @property
    def api_version(self) -> str:
        """`v1` or `batch/v1`, as in manifests."""
        return API_VERSIONS[self.kind]

    @property
    def group(self) -> str:
        """`batch`; "" for the core API."""
        return self.api_version.rpartition("/")[0]

    @property
    def plural(self) -> str:
        """`jobs`: the name in paths."""
        return PLURALS[self.kind]

    @property
    def full_name(self) -> str:
        """`jobs.batch`, `pods`: the name in error messages."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


RESOURCES = (
    Resource("Pod", ("po",), in_all=True, has_status=True),
    Resource("ConfigMap", ("cm",)),
    Resource("Secret"),
    Resource("Service", ("svc",), in_all=True, has_status=True),
    Resource("Event", ("ev",)),
    Resource("PersistentVolumeClaim", ("pvc",), has_status=True),
    Resource("ResourceQuota", ("quota",), has_status=True),
    Resource("ServiceAccount", ("sa",)),
    Resource("PriorityClass", ("pc",), namespaced=False),
    Resource("Namespace", ("ns",), namespaced=False, has_status=True),
    Resource("Node", ("no",), namespaced=False, has_status=True),
    Resource("Job", in_all=True, has_status=True),
    Resource("JobSet", has_status=True),
)

_BY_KIND = {resource.kind: resource for resource in RESOURCES}
_BY_PLACE = {(resource.api_version, resource.plural): resource for resource in RESOURCES}


def resource_of(kind: str) -> Resource:
    """Give the resource of a kind; a KeyError is a programming error."""
    return _BY_KIND[kind]


def resource_at(api_version: str, *, plural: str) -> Resource | None:
    """Give the resource that a path names, or None."""
    return _BY_PLACE.get((api_version, plural))
