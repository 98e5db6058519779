"""What dagset may ask of an API server, one table: `dagset rbac` prints it, and refusals look it up."""

from dataclasses import dataclass

__all__ = ["GANG_GROUPS", "RIGHTS", "Right", "is_covered"]

GANG_GROUPS = {
    "scheduling.volcano.sh": "volcano",
    "scheduling.x-k8s.io": "coscheduling",
    "scheduling.k8s.io": "native or slurm-bridge",
}
NO_GANGS = "those are refused"
OWNER_VERBS = ("create", "get", "list", "watch", "patch", "delete")


@dataclass(frozen=True, slots=True)
class Right:
    """Verbs on one resource (`pods/log` is a subresource), and which feature asks for them.

    `without` says what happens where it is not granted; "" where nothing works then.
    """

    group: str
    resource: str
    verbs: tuple[str, ...]
    why: str
    without: str = ""


RIGHTS = (
    Right("batch", "jobs", OWNER_VERBS, "arrays, and the Jobs that a gang's JobSet makes"),
    Right("jobset.x-k8s.io", "jobsets", OWNER_VERBS, "gangs", without="arrays only"),
    Right("", "pods", ("list", "watch"), "phases, the first failed pod, waiting for the end of a deletion"),
    Right("", "pods/log", ("get",), "the lines of every pod", without="no lines"),
    Right("", "configmaps", ("create", "get"), "files of a node", without="nodes with files are refused"),
    Right(
        "", "services", ("create", "get"), "host names in a gang of kind: job", without="gangs of kind: job are refused"
    ),
    Right(
        "",
        "secrets",
        ("create", "get"),
        "the token of a node with rendezvous: mpi",
        without="nodes with rendezvous: mpi are refused",
    ),
    Right("", "events", ("list",), "why pods are not made or do not start", without="reasons are not told"),
    Right(
        "kueue.x-k8s.io",
        "workloads",
        ("list", "watch"),
        "why a node waits in its queue, and preemptions",
        without="queued nodes wait without a reason",
    ),
    Right(
        "kueue.x-k8s.io",
        "workloads",
        ("patch",),
        "dagset suspend and resume of a node in a queue",
        without="a node in a queue cannot be suspended",
    ),
    Right("kueue.x-k8s.io", "localqueues", ("get",), "dagset check: does the queue exist", without="not checked"),
    *(
        Right(group, "podgroups", ("create", "get", "patch", "delete"), f"gangs with scheduler: {names}", NO_GANGS)
        for group, names in GANG_GROUPS.items()
    ),
    Right(
        "",
        "pods",
        ("create",),
        "dagset check: dry runs of pods (nobody gains by it: whoever creates Jobs creates pods)",
        without="service account, priority class, quota and pod security are not checked",
    ),
)


def is_covered(verb: str, group: str, resource: str) -> bool:
    """Tell whether the table grants this."""
    return any((right.group, right.resource) == (group, resource) and verb in right.verbs for right in RIGHTS)
