"""What a cluster has: that it answers, versions, what it would say to an array and a gang, rights, queues."""

from collections.abc import Callable, Iterator
from typing import Literal, TypeVar

from dagset.cluster.protocol import Cluster
from dagset.cluster.refusals import forbidden
from dagset.cluster.weather import with_patience
from dagset.compile import compile_node
from dagset.errors import ClusterRefused, ClusterUnreachable, UnknownKind
from dagset.model import DagNode, Identity
from dagset.observe import reading
from dagset.run.check import NAMESPACE, Finding, check_bundle
from dagset.run.doctor.checked import Checked, Level, of_error
from dagset.run.doctor.rights import check_rights
from dagset.run.versions import TooOld, require_kubernetes

__all__ = ["check_cluster"]

T = TypeVar("T")
Coupling = Literal["array", "gang"]
PATIENCE_S = 3.0  # a person waits: weather that lasts longer is told
KUBERNETES, QUEUES = "kubernetes", "queues"
PROBES: dict[Coupling, str] = {"array": "arrays (Job)", "gang": "gangs (JobSet)"}
# A strict create of a gang names fields that JobSet has had since 0.10 (`dagset.run.versions`).
TAKEN = {"array": "would be taken", "gang": "would be taken by JobSet 0.10 or newer"}
ASKS_MORE = "pods have to bring more here than image and command: set what it names in your nodes"
ANSWER = "see whether its address is right and can be reached from here (VPN, proxy), and whether it runs"
WEBHOOK = "a webhook that every such object passes does not answer: tell the operators (does its controller run?)"


def check_cluster(cluster: Cluster, *, namespace: str, has_queues: bool = True) -> Iterator[Checked]:
    """Yield what the cluster has, in the order of the questions; without an answer the first is the last.

    `has_queues`: False where queues are not looked for, because it is known that there are none.
    """
    try:
        told = _patiently(lambda: cluster.document("/version"))
        require_kubernetes(cluster, patiently=_patiently)
    except ClusterUnreachable as error:
        yield of_error("problem", KUBERNETES, error, ANSWER)
        return
    except TooOld as error:
        yield of_error("problem", KUBERNETES, error)
    except ClusterRefused as error:
        yield _unknown_version(error)
        if error.status in (UNAUTHORIZED, NO_ANSWER):
            return
    else:
        yield Checked("ok", KUBERNETES, f"{told.get('gitVersion', 'of unknown version')} at {cluster.describe}")
    for coupling in PROBES:
        found = list(_objects(cluster, namespace, coupling=coupling))
        yield from found
        if any(each.what == NAMESPACE for each in found):
            return
    yield from check_rights(cluster, namespace=namespace, patiently=_patiently)
    if has_queues:
        yield from _queues(cluster, namespace)


UNAUTHORIZED = 401
NO_ANSWER = 0  # we refused to talk to the server: its certificate is not trusted


def _unknown_version(error: ClusterRefused) -> Checked:
    if error.status == UNAUTHORIZED:
        return of_error("problem", KUBERNETES, error, "renew the credentials of this kubeconfig's user")
    if error.status == NO_ANSWER:
        return of_error("problem", KUBERNETES, error)
    return of_error(
        "left out", KUBERNETES, error, "dagset needs 1.33 or newer; old fields are refused when they are sent"
    )


def _objects(cluster: Cluster, namespace: str, *, coupling: Coupling) -> Iterator[Checked]:
    """Ask by dry runs what would become of a small node; its pods' trouble may be this node's alone."""
    node = DagNode(name="doctor", coupling=coupling, image="busybox:1", command=("true",), kind=None)
    bundle = compile_node(node, Identity(owner="dagset doctor"))
    try:
        report = check_bundle(bundle, cluster=cluster, namespace=namespace, limit_s=PATIENCE_S)
    except ClusterUnreachable as error:
        yield of_error("problem", PROBES[coupling], error, WEBHOOK if "webhook" in str(error) else ANSWER)
        return
    findings = [finding for finding in report.findings if finding.where != "the cluster"]
    unasked = [finding for finding in findings if forbidden(finding.message)]
    yield from (_told(finding, PROBES[coupling]) for finding in findings if finding not in unasked)
    if unasked:
        places = ", ".join(finding.where for finding in unasked)
        yield Checked("left out", PROBES[coupling], f"{places}: not asked, for rights are missing (see below)")
    elif not findings:
        yield Checked("ok", PROBES[coupling], f"{TAKEN[coupling]} in namespace {namespace}, with its pods")


def _told(finding: Finding, what: str) -> Checked:
    if finding.where == NAMESPACE:
        return Checked("problem", NAMESPACE, finding.message)
    if finding.level == "left out":
        return Checked("left out", what, f"{finding.where}: {finding.message}")
    is_pods = finding.where.endswith("its pods")
    level: Level = "warning" if is_pods or finding.level == "warning" else "problem"
    return Checked(level, what, f"{finding.where}: {finding.message}", ASKS_MORE if is_pods else "")


def _queues(cluster: Cluster, namespace: str) -> Iterator[Checked]:
    """Tell the LocalQueues of the namespace, and which of them admit nothing."""
    try:
        queues = _patiently(lambda: cluster.list("LocalQueue", namespace=namespace, labels={})).items
    except UnknownKind:
        yield Checked("ok", QUEUES, "no Kueue (v1beta2) is served here, so `queue_name` cannot be used")
        return
    except ClusterRefused:
        text = "may not be listed by this user; `dagset check` looks up the one that a node names"
        yield Checked("left out", QUEUES, text)
        return
    except ClusterUnreachable as error:
        yield of_error("problem", QUEUES, error, ANSWER)
        return
    names = [reading.text(queue, "metadata", "name") for queue in queues]
    yield Checked("ok", QUEUES, f"Kueue has {', '.join(names) or 'no LocalQueue'} in namespace {namespace}")
    for queue, name in zip(queues, names, strict=True):
        for condition in reading.items(queue, "status", "conditions"):
            if reading.text(condition, "type") == "Active" and reading.text(condition, "status") == "False":
                words = reading.text(condition, "message") or reading.text(condition, "reason")
                yield Checked("warning", f"queue {name}", f"admits nothing: {words}", "ask who runs Kueue here")


def _patiently(call: Callable[[], T]) -> T:
    return with_patience(call, limit_s=PATIENCE_S)
