"""The oldest Kubernetes that keeps what a node says: asked once per cluster, before anything is created there.

JobSet needs no question: each create is strict, so a JobSet whose schema lacks the message patterns (they came with
0.10) refuses the node itself, and `dagset.cluster.refusals` says what that means. Older ones would drop them silently
and restart application failures for ever.
"""

import re
import threading
import weakref
from collections.abc import Callable, Mapping
from typing import Any

from dagset.cluster.protocol import Cluster
from dagset.errors import ClusterRefused

__all__ = ["OLDEST_KUBERNETES", "TooOld", "require_kubernetes"]

# backoffLimitPerIndex and the Job's successPolicy are stable from here on (kubernetes/enhancements: 3850, 3998).
OLDEST_KUBERNETES = (1, 33)

_lock = threading.Lock()
# By id, for a Cluster need not be hashable; an entry goes with its cluster.
_good_enough: "weakref.WeakValueDictionary[int, Cluster]" = weakref.WeakValueDictionary()


class TooOld(ClusterRefused):
    """The cluster is older than what a node needs."""


def require_kubernetes(
    cluster: Cluster, *, patiently: Callable[[Callable[[], Any]], Any] = lambda call: call()
) -> None:
    """Return if the cluster is new enough, or will not say; remembers that per cluster object.

    `patiently` makes the one request, and may repeat it.

    Raises:
        TooOld: with both versions and the remedy.
        ClusterUnreachable: as `patiently` does.
    """
    with _lock:
        if id(cluster) in _good_enough:
            return
    try:
        told = patiently(lambda: cluster.document("/version"))
    except ClusterRefused:  # some close it to their users; then the strict create has to do
        told = {}
    found = _version_in(told)
    if found is not None and found < OLDEST_KUBERNETES:
        name = told.get("gitVersion") or ".".join(map(str, found))
        needed = ".".join(map(str, OLDEST_KUBERNETES))
        text = f"{cluster.describe} is Kubernetes {name}, and dagset needs {needed} or newer"
        raise TooOld(f"{text}: have it upgraded, or name another cluster by --cluster", reason="TooOld")
    with _lock:
        _good_enough[id(cluster)] = cluster


def _version_in(told: Mapping[str, Any]) -> tuple[int, int] | None:
    """Return major and minor, None where they cannot be read; some vendors write the minor as `33+`."""
    numbers = [re.match(r"\d+", str(told.get(key, ""))) for key in ("major", "minor")]
    major, minor = (int(number[0]) if number else None for number in numbers)
    return None if major is None or minor is None else (major, minor)
