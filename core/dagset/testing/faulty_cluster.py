"""A cluster that loses requests or answers, as planned: what is left must be right all the same."""

from collections.abc import Mapping
from typing import Any

from dagset.constants import kind_of
from dagset.errors import ClusterUnreachable

__all__ = ["FaultyCluster"]

VERBS = frozenset({"create", "document", "get", "list", "watch", "patch", "delete", "logs"})


class FaultyCluster:
    """Wraps a cluster and loses what the plan says: `plan` maps the number of a request, from 0, to how it is lost.

    "before" never reaches the cluster, "after" is carried out and its answer lost; both raise `ClusterUnreachable`.
    `requests` lists what was asked, as `create Job`, in order.
    """

    def __init__(self, inner: Any, *, plan: Mapping[int, str]) -> None:
        self._inner, self._plan = inner, plan
        self.requests: list[str] = []

    def __getattr__(self, name: str) -> Any:
        inner = getattr(self._inner, name)
        if name not in VERBS:
            return inner

        def call(*args: Any, **kwargs: Any) -> Any:
            kind = kind_of(args[0]) if name == "create" else "Pod" if name == "logs" else args[0]
            fate = self._plan.get(len(self.requests))
            self.requests.append(f"{name} {kind}")
            answer = inner(*args, **kwargs) if fate != "before" else None
            if fate is not None:
                raise ClusterUnreachable(f"connection lost {fate} {name} {kind}")
            return answer

        return call
