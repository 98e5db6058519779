"""Which of the rights that dagset asks for the user has: asked of the server, right by right."""

from collections.abc import Callable, Iterator
from typing import Any

from dagset import constants
from dagset.cluster.protocol import Cluster, Manifest
from dagset.cluster.refusals import grant
from dagset.cluster.rights import RIGHTS, Right
from dagset.errors import ClusterRefused, ClusterUnreachable, UnknownKind
from dagset.observe import reading
from dagset.run.doctor.checked import Checked, Level, of_error

__all__ = ["check_rights"]

Patiently = Callable[[Callable[[], Manifest]], Manifest]
WHAT = "rights"
REVIEW, WHOAMI = "SelfSubjectAccessReview", "SelfSubjectReview"  # kubernetes/api: authorization/v1, authentication/v1


def check_rights(cluster: Cluster, *, namespace: str, patiently: Patiently) -> Iterator[Checked]:
    """Yield a line for each right that is missing, or one that all are there."""
    try:
        missing = [(right, verbs) for right in RIGHTS if (verbs := _missing(right, cluster, namespace, patiently))]
    except UnknownKind:
        yield Checked("ok", WHAT, "are not looked at by this cluster: who reaches it may do all")
        return
    except ClusterRefused as error:
        yield of_error("left out", WHAT, error, "`dagset rbac` prints those that are needed")
        return
    except ClusterUnreachable as error:
        yield of_error("problem", WHAT, error, "try again")
        return
    user = _user(cluster, patiently) or "the user"
    if not missing:
        yield Checked("ok", WHAT, f"{user} may do all that dagset asks for in namespace {namespace}")
        return
    levels: list[Level] = ["warning" if right.without else "problem" for right, _ in missing]
    remedy = grant(user if user != "the user" else "NAME", namespace)
    worst: Level = "problem" if "problem" in levels else "warning"
    yield Checked(worst, WHAT, f"{user} lacks some of those that dagset asks for in namespace {namespace}", remedy)
    for level, (right, verbs) in zip(levels, missing, strict=True):
        without = f"; without: {right.without}" if right.without else ""
        yield Checked(level, WHAT, f"{', '.join(verbs)} {_resource(right)}: {right.why}{without}")


def _missing(right: Right, cluster: Cluster, namespace: str, patiently: Patiently) -> list[str]:
    return [verb for verb in right.verbs if not _may(verb, right, cluster, namespace, patiently)]


def _may(verb: str, right: Right, cluster: Cluster, namespace: str, patiently: Patiently) -> bool:
    resource, _, subresource = right.resource.partition("/")
    asked = {"namespace": namespace, "verb": verb, "group": right.group, "resource": resource}
    asked |= {"subresource": subresource} if subresource else {}
    told = patiently(lambda: cluster.create(_review(REVIEW, {"resourceAttributes": asked}), namespace=""))
    return reading.truth(told, "status", "allowed")


def _user(cluster: Cluster, patiently: Patiently) -> str:
    """Return who we are to the server, "" where it does not say."""
    try:
        told = patiently(lambda: cluster.create(_review(WHOAMI, None), namespace=""))
    except (ClusterRefused, ClusterUnreachable):
        return ""
    return reading.text(told, "status", "userInfo", "username")


def _review(kind: str, spec: dict[str, Any] | None) -> Manifest:
    """Return a question; it has no name, for it is not kept."""
    head = {"apiVersion": constants.API_VERSIONS[kind], "kind": kind, "metadata": {"name": ""}}
    return head if spec is None else {**head, "spec": spec}


def _resource(right: Right) -> str:
    return f"{right.resource}.{right.group}" if right.group else right.resource
