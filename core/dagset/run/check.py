"""What a cluster would say to a node, without creating anything: dry runs by the server, and look-ups.

One dry run is not enough (tried): a JobSet's is fine with a template that no Job may have, and a Job's with a service
account, a priority class or a quota that no pod gets past.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from dagset import constants
from dagset.cluster.protocol import Cluster
from dagset.cluster.refusals import NO_JOBSET, forbidden
from dagset.cluster.weather import with_patience
from dagset.compile import Bundle, compile_node
from dagset.errors import AlreadyExists, ClusterRefused, NotFound, UnknownKind
from dagset.model import DagNode, Identity
from dagset.model.advice import advice
from dagset.run.children import child_jobs, first_pod, needed_by
from dagset.run.versions import TooOld, require_kubernetes

__all__ = ["Finding", "Report", "check_bundle", "check_node"]

T = TypeVar("T")
Manifest = dict[str, Any]
Level = Literal["refused", "warning", "left out"]
QUEUE_WORDS = (
    ("LocalQueue", constants.KUEUE_QUEUE, "queue_name"),
    ("WorkloadPriorityClass", constants.KUEUE_PRIORITY, "queue_priority"),
)
NO_KUEUE = "this cluster serves no kueue.x-k8s.io/v1beta2: have Kueue installed, or leave `queue_name` out"
NAMESPACE = "the namespace"
NO_DRY_RUN = "does not support dry run"  # kubernetes: apiserver/pkg/admission/plugin/webhook, sideEffects


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not fine: `refused` (it cannot run so), `warning` (it may), `left out` (not looked at)."""

    level: Level
    where: str
    message: str


@dataclass(frozen=True, slots=True)
class Report:
    """What was found, and what passed, in the order of the questions."""

    findings: tuple[Finding, ...]
    passed: tuple[str, ...]

    @property
    def is_refused(self) -> bool:
        """Whether the cluster would refuse the node, or its pods."""
        return any(finding.level == "refused" for finding in self.findings)


def check_node(node: DagNode, identity: Identity, *, cluster: Cluster, namespace: str) -> Report:
    """Return the same as `check_bundle`, and before it as warnings what is allowed and often goes wrong."""
    report = check_bundle(compile_node(node, identity), cluster=cluster, namespace=namespace)
    warnings = tuple(Finding("warning", "the node", sentence) for sentence in advice(node))
    return Report((*warnings, *report.findings), report.passed)


def check_bundle(bundle: Bundle, *, cluster: Cluster, namespace: str, limit_s: float = 10.0) -> Report:
    """Return what the cluster says to each object of the node. Creates nothing.

    Args:
        bundle: the node, compiled.
        cluster: where.
        namespace: there.
        limit_s: how long one request is repeated while the cluster is unreachable.

    Raises:
        ClusterUnreachable: no answer.
    """
    answers = list(_Questions(bundle, cluster=cluster, namespace=namespace, limit_s=limit_s).ask())
    findings = tuple(answer for answer in answers if isinstance(answer, Finding))
    return Report(findings, tuple(answer for answer in answers if isinstance(answer, str)))


class _Questions:
    """Each question yields what it was about, or a Finding."""

    def __init__(self, bundle: Bundle, *, cluster: Cluster, namespace: str, limit_s: float) -> None:
        self._bundle, self._cluster, self._namespace, self._limit_s = bundle, cluster, namespace, limit_s

    def ask(self) -> Iterator[Finding | str]:
        owner = self._bundle.owner
        yield self._version()
        yield (first := self._dry_run(owner, where="the node"))
        if isinstance(first, Finding) and first.where == NAMESPACE:
            return  # nothing else can be known
        for part in self._bundle.parts:
            yield self._dry_run(part, where=f"its {part['kind']}")
        jobs = child_jobs(owner, namespace=self._namespace) if owner["kind"] == "JobSet" else {}
        for role, job in jobs.items():
            yield self._dry_run(job, where=f"role {role}, its Job", is_needed=False)
        pods = [first_pod(job, namespace=self._namespace) for job in (jobs.values() if jobs else [owner])]
        for pod in pods:
            where = f"role {pod['metadata']['labels'].get(constants.ROLE, '')}, its pods"
            yield self._dry_run(pod, where=where, is_needed=False)
        yield from self._queue(owner["metadata"].get("labels", {}))
        yield from self._needed(pods)

    def _version(self) -> Finding | str:
        try:
            require_kubernetes(self._cluster, patiently=self._patiently)
        except TooOld as error:
            return Finding("refused", "the cluster", str(error))
        return "the cluster's version"

    def _dry_run(self, manifest: Manifest, *, where: str, is_needed: bool = True) -> Finding | str:
        """Ask for one object; what only the controllers create need not be ours to create (`is_needed`)."""
        placed = {**manifest, "metadata": {**manifest["metadata"], "namespace": self._namespace}}
        try:
            self._patiently(lambda: self._cluster.create(placed, namespace=self._namespace, dry_run=True))
        except AlreadyExists:  # the name is looked at last: all else is fine
            return self._holder(manifest, where=where)
        except UnknownKind as error:
            is_jobset = manifest["kind"] == "JobSet"
            return Finding("refused", where, NO_JOBSET if is_jobset else _line(error))
        except NotFound as error:
            return Finding("refused", NAMESPACE, _line(error))
        except ClusterRefused as error:
            is_ours_to_ask = is_needed or not forbidden(str(error))
            level: Level = "left out" if NO_DRY_RUN in str(error) or not is_ours_to_ask else "refused"
            return Finding(level, where, _line(error))
        return f"{where}: {manifest['kind']} {self._namespace}/{manifest['metadata']['name']}"

    def _holder(self, manifest: Manifest, *, where: str) -> Finding | str:
        """Tell whose the object is that has our name already."""
        kind, name = constants.kind_of(manifest), manifest["metadata"]["name"]
        title = f"{kind} {self._namespace}/{name}"
        try:
            found = self._patiently(lambda: self._cluster.get(kind, namespace=self._namespace, name=name))
        except ClusterRefused:
            return f"{where}: {title}"
        labels = found["metadata"].get("labels") or {}
        if labels.get(constants.IDENTITY) == manifest["metadata"]["labels"][constants.IDENTITY]:
            return f"{where}: {title}"
        remedy = "rename this node, or delete that object if nobody needs it"
        return Finding("refused", where, f"{title} exists and is not this node's: {remedy}")

    def _queue(self, labels: dict[str, str]) -> Iterator[Finding | str]:
        for kind, label, word in QUEUE_WORDS:
            if name := labels.get(label):
                remedy = f"the node would wait for ever: change `{word}`, or have it created"
                yield self._look_up(kind, name, missing="refused", remedy=remedy)

    def _needed(self, pods: list[Manifest]) -> Iterator[Finding | str]:
        shipped = {(part["kind"], part["metadata"]["name"]) for part in self._bundle.parts}
        remedy = "pods wait for it: create it before the node's start_timeout"
        for kind, name in sorted({needed for pod in pods for needed in needed_by(pod)} - shipped):
            yield self._look_up(kind, name, missing="warning", remedy=remedy)

    def _look_up(self, kind: str, name: str, *, missing: Level, remedy: str) -> Finding | str:
        namespace = "" if kind == "WorkloadPriorityClass" else self._namespace
        title = f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"
        try:
            self._patiently(lambda: self._cluster.get(kind, namespace=namespace, name=name))
        except UnknownKind as error:
            is_queue = kind in [word[0] for word in QUEUE_WORDS]
            return Finding("refused", title, NO_KUEUE) if is_queue else Finding("left out", title, _line(error))
        except NotFound:
            return Finding(missing, title, f"does not exist; {remedy}")
        except ClusterRefused as error:
            return Finding("left out", title, f"not looked up: {_line(error)}")
        return title

    def _patiently(self, call: Callable[[], T]) -> T:
        return with_patience(call, limit_s=self._limit_s)


def _line(error: ClusterRefused) -> str:
    return " ".join(line.strip() for line in str(error).splitlines())
