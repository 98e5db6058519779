"""Which scheduler an object that dagset made was written for: compile's passes, read backwards."""

import re
from collections.abc import Sequence

from dagset.importers.objects.account import Part
from dagset.importers.objects.patches import Tree

__all__ = ["scheduler_words"]

# By the name in schedulerName.
NAMES = {
    "volcano": "volcano",
    "yunikorn": "yunikorn",
    "kai-scheduler": "kai",
    "slurm-bridge-scheduler": "slurm-bridge",
}
# The keys that compile writes for it, on owner and pods, and the one that holds the queue.
KEYS = {
    "volcano": (r"scheduling\.(k8s|volcano\.sh).*", "scheduling.volcano.sh/queue-name"),
    "yunikorn": (r"yunikorn\.apache\.org/.*", "yunikorn.apache.org/queue"),
    "kai": (r"kai\.scheduler/queue", "kai.scheduler/queue"),
    "slurm-bridge": (r"slurmjob\.slinky\.slurm\.net/.*", "slurmjob.slinky.slurm.net/partition"),
    "coscheduling": (r"scheduling\.x-k8s\.io/pod-group", ""),
    "native": (r"$^", ""),
}


def scheduler_words(root: Part, templates: Sequence[Part]) -> Tree:
    """Return `scheduler` and, where the object holds it, `queue_name`; and tell of all that compile wrote for it."""
    scheduler = _scheduler(templates[0])
    if scheduler is None:
        return {}
    words: Tree = {"scheduler": scheduler}
    pattern, queue = KEYS[scheduler]
    for each in (root, *templates):
        for part in (*each.of("metadata", "labels").parts(), *each.of("metadata", "annotations").parts()):
            if re.fullmatch(pattern, str(part.path[-1])):
                part.told("mapped", f"`scheduler: {scheduler}`")
                part.account.own.add(part.path)
                if part.path[-1] == queue:
                    words["queue_name"] = part.text()
    for template in templates:
        for key in ("schedulerName", "schedulingGroup"):
            part = template.of("spec", key)
            part.told("mapped", f"`scheduler: {scheduler}`")
            part.account.own.add(part.path)
    return words


def _scheduler(template: Part) -> str | None:
    name = template.of("spec", "schedulerName").text()
    if name:
        return NAMES.get(name)
    if template.of("spec", "schedulingGroup"):
        return "native"
    return "coscheduling" if template.of("metadata", "labels", "scheduling.x-k8s.io/pod-group") else None
