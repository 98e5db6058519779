"""An object's name, labels and annotations, and those of its pods."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from dagset import constants
from dagset.errors import InvalidNode
from dagset.importers.objects.account import Part
from dagset.importers.objects.patches import Tree, keep
from dagset.importers.objects.schedulers import scheduler_words
from dagset.importers.report import Fate
from dagset.model.duration import format_duration
from dagset.model.identity import dns_safe
from dagset.model.names import OWNED

__all__ = ["is_ours", "labels_of_job", "node_metadata", "pod_metadata"]

SERVERS = (
    "uid", "resourceVersion", "creationTimestamp", "deletionTimestamp", "generation", "managedFields", "selfLink",
    "ownerReferences", "deletionGracePeriodSeconds",
)  # fmt: skip
OURS = "nothing: dagset's own; a node gets its own when it is submitted"
CONTROLLERS = "nothing: a controller writes it"
THE_SERVERS = "nothing: the API server's, not the author's"
APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
NAMESPACE = "given when it is submitted: `dagset run --namespace {}`"
HASH = re.compile(r"-[0-9a-f]{8}")
# Older spellings of the Job controller's labels (kubernetes/api: batch/v1/types.go), and the operators'.
CONTROLLERS_KEYS = ("job-name", "controller-uid")
CONTROLLERS_PREFIXES = (*OWNED[1:], "training.kubeflow.org")
TOPOLOGY = {
    "kueue.x-k8s.io/podset-required-topology": "required_topology",
    "kueue.x-k8s.io/podset-preferred-topology": "preferred_topology",
}
MIN_PARALLELISM = "kueue.x-k8s.io/job-min-parallelism"


def is_ours(root: Part) -> bool:
    """Whether dagset has made an object."""
    labels = root.of("metadata", "labels").mapping()
    return labels.get(constants.MANAGED_BY) == "dagset" and constants.IDENTITY in labels


def node_metadata(root: Part, templates: Sequence[Part], patch: Tree) -> Tree:
    """Return the words that the object's metadata gives: name, labels, annotations, queue, and our own limits.

    A label or annotation that object and all pods have is a word; one of the object alone goes into `patch`.
    """
    metadata, ours = root.of("metadata"), is_ours(root)
    words: Tree = {"name": _name(metadata, ours=ours)}
    metadata.of("namespace").told("approximated", NAMESPACE.format(metadata.of("namespace").text()))
    for key in SERVERS:
        metadata.of(key).told("ignored", THE_SERVERS)
    root.of("status").told("ignored", THE_SERVERS)
    if ours:
        words |= _limits(metadata.of("annotations", constants.LIMITS)) | scheduler_words(root, templates)
    words |= _queue(metadata)
    for kind in ("labels", "annotations"):
        shared: dict[str, str] = {}
        for part in metadata.of(kind).parts():
            key = str(part.path[-1])
            if _is_told(part, ours=ours) or key in (constants.KUEUE_QUEUE, constants.KUEUE_PRIORITY, MIN_PARALLELISM):
                continue
            if templates and all(each.of("metadata", kind, key).value == part.text() for each in templates):
                shared[key] = part.told("mapped", f"`{kind}`")
            elif not (ours and key == constants.KUEUE_MAX_EXEC):
                keep(part, patch, ("metadata", kind, key), patch="object_patch")
            else:
                part.told("mapped", "`deadline`")
        if shared:
            words[kind] = shared
    for part in metadata.parts():
        if part.path[-1] not in ("name", "generateName", "namespace", "labels", "annotations", *SERVERS):
            keep(part, patch, ("metadata", str(part.path[-1])), patch="object_patch")
    return words


def pod_metadata(template: Part, words: Mapping[str, Any], patch: Tree, *, ours: bool) -> Tree:
    """Return the words of a role that its pods' metadata gives; what is no word of the node goes into `patch`."""
    found: Tree = {}
    for kind in ("labels", "annotations"):
        for part in template.of("metadata", kind).parts():
            key = str(part.path[-1])
            if _is_told(part, ours=ours):
                continue
            if words.get(kind, {}).get(key) == part.text():
                part.told("mapped", f"`{kind}`")
            elif key in TOPOLOGY and "queue_name" in words:
                found[TOPOLOGY[key]] = part.told("mapped", f"`{TOPOLOGY[key]}`")
            else:
                keep(part, patch, ("metadata", kind, key))
    for part in template.of("metadata").parts():
        key = str(part.path[-1])
        if key in (*SERVERS, "name", "namespace", "generateName"):
            part.told("ignored", "nothing: the Job controller names the pods")
        elif key not in ("labels", "annotations"):
            keep(part, patch, ("metadata", key))
    return found


def labels_of_job(metadata: Part, words: Mapping[str, Any], patch: Tree, *, ours: bool) -> None:
    """Tell of the labels and annotations of one Job of a JobSet; dagset gives it the node's labels."""
    for part in metadata.parts():
        kind = str(part.path[-1])
        if kind not in ("labels", "annotations"):
            part.told("ignored", "nothing: the JobSet controller names its Jobs")
            continue
        for each in part.parts():
            key = str(each.path[-1])
            if _is_told(each, ours=ours):
                continue
            if kind == "labels" and words.get("labels", {}).get(key) == each.text():
                each.told("mapped", "`labels`")
            else:
                keep(each, patch, ("template", "metadata", kind, key), patch="object_patch")


def _name(metadata: Part, *, ours: bool) -> str:
    """Return the node's name: the object's, without the hash that dagset put behind it."""
    name, prefix = metadata.of("name").text(), metadata.of("generateName").text()
    own = HASH.sub("", name[-9:]) if ours else name[-9:]
    found = dns_safe((name[:-9] + own) or prefix.rstrip("-"), default="job")
    how: Fate = "mapped" if found == name or ours else "approximated"
    metadata.of("name").told(how, f"`name: {found}`; the object's name gets a hash behind it")
    metadata.of("generateName").told("ignored" if name else "approximated", f"`name: {found}`")
    return found


def _is_told(part: Part, *, ours: bool) -> bool:
    """Tell of a key that dagset or a controller writes, and say whether it was one."""
    key = str(part.path[-1])
    prefix = key.rpartition("/")[0]
    if prefix == OWNED[0] or (ours and (key == constants.MANAGED_BY or part.path in part.account.own)):
        if not (ours and key == constants.LIMITS) and part.path not in part.account.own:
            part.told("ignored", OURS)
        return True
    if prefix in CONTROLLERS_PREFIXES or key in CONTROLLERS_KEYS:
        part.told("ignored", CONTROLLERS)
        return True
    if key in (APPLIED, constants.MANAGED_BY):
        part.told("ignored", OURS if key == constants.MANAGED_BY else THE_SERVERS)
        return True
    return False


def _queue(metadata: Part) -> Tree:
    """Return the words of Kueue's keys."""
    words: Tree = {}
    queue = metadata.of("labels", constants.KUEUE_QUEUE)
    if queue:
        words["queue_name"] = queue.text()
        queue.told("mapped", "`queue_name`")
        priority = metadata.of("labels", constants.KUEUE_PRIORITY)
        if priority:
            words["queue_priority"] = priority.told("mapped", "`queue_priority`")
        least = metadata.of("annotations", MIN_PARALLELISM)
        if least.text("").isdecimal() and len(least.text()) < 7:
            words["min_parallelism"] = int(least.told("mapped", "`min_parallelism`"))
    return words


def _limits(annotation: Part) -> Tree:
    """Return the limits that a follower of ours holds; what is not said there has none."""
    try:
        limits = json.loads(annotation.text("{}"))
    except ValueError:
        limits = None
    if not isinstance(limits, dict) or not all(type(value) is int and value >= 0 for value in limits.values()):
        raise InvalidNode(
            "was not written by dagset", field=f"metadata.annotations[{constants.LIMITS}]", remedy="remove it"
        )
    annotation.told("mapped", "`deadline`, `start_timeout`, `queue_timeout`, `max_disruptions`")
    if not annotation:
        return {}
    words: Tree = {}
    for key in ("deadline", "start_timeout", "queue_timeout"):
        seconds = limits.get(f"{key}_s")
        if seconds or key == "start_timeout":
            words[key] = format_duration(seconds) if seconds else None
    return words | ({"max_disruptions": limits["max_disruptions"]} if "max_disruptions" in limits else {})
