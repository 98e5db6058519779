"""Labels and annotations as Kubernetes takes them (kubernetes/apimachinery: pkg/util/validation/validation.go)."""

import re
from collections.abc import Mapping

from dagset import constants
from dagset.errors import InvalidNode

__all__ = ["check_annotations", "check_labels"]

PREFIX = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
# Whose keys the controllers and dagset itself write; a user's value there would be overwritten or mislead them.
OWNED = ("dagset.io", "jobset.sigs.k8s.io", "batch.kubernetes.io")
INSTEAD = {constants.KUEUE_QUEUE: "queue_name", constants.KUEUE_PRIORITY: "queue_priority"}
MAX_ANNOTATIONS_BYTES = 200 * 1024  # the API server's 256 KiB, less what controllers add


def check_labels(labels: Mapping[str, str], *, field: str, ours: bool = True) -> None:
    """Raise InvalidNode for what is no label; `ours`: also for keys that dagset or a controller writes."""
    for key, value in labels.items():
        _check_key(key, field=field, ours=ours)
        if not VALUE.fullmatch(value):
            problem = f"{value!r} is not a label's value"
            raise InvalidNode(problem, field=f"{field}[{key}]", remedy="at most 63 letters, digits, - _ and .")


def check_annotations(annotations: Mapping[str, str], *, field: str) -> None:
    """Raise InvalidNode for a key that is none, or too much text."""
    for key in annotations:
        _check_key(key, field=field, ours=True)
    size = sum(len(key) + len(value.encode()) for key, value in annotations.items())
    if size > MAX_ANNOTATIONS_BYTES:
        raise InvalidNode(f"{size} bytes in all", field=field, remedy=f"at most {MAX_ANNOTATIONS_BYTES}")


def _check_key(key: str, *, field: str, ours: bool) -> None:
    prefix, slash, name = key.rpartition("/")
    if not NAME.fullmatch(name) or (slash and not (PREFIX.fullmatch(prefix) and len(prefix) <= 253)):
        raise InvalidNode("is not a key", field=f"{field}[{key[:60]!r}]", remedy="for example team or acme.com/team")
    if ours and key in INSTEAD:
        raise InvalidNode("has a word of its own", field=f"{field}[{key}]", remedy=f"write {INSTEAD[key]}")
    if ours and (prefix in OWNED or key == constants.MANAGED_BY):
        raise InvalidNode("is written by dagset or a controller", field=f"{field}[{key}]", remedy="choose another key")
