"""Resource quotas for pods: what is used, and the words of a refusal.

Source:
    Kubernetes 1.36, pkg/quota/v1/evaluator/core/pods.go and staging/src/k8s.io/apiserver/pkg/admission/plugin/
    resourcequota/controller.go; the texts are theirs, tried with the real API server.
    Left out: scopes (a quota that has them is not enforced), counts of other kinds than pods.
"""

from collections.abc import Iterable, Mapping, Sequence

from dagset.local.objects import Object
from dagset.local.quantities import sum_text, value_of

__all__ = ["quota_status", "refusals_by_quota"]

_PODS = ("pods", "count/pods")
_ENDED = ("Succeeded", "Failed")


def quota_status(quota: Object, *, pods: Iterable[Object]) -> Object:
    """Give the status of a quota in a namespace with these pods."""
    hard = _hard(quota)
    counting = [_needs(pod) for pod in pods if _counts(pod)]
    return {"hard": {name: sum_text([limit]) for name, limit in hard.items()}, "used": _sums(counting, names=hard)}


def refusals_by_quota(new: Sequence[Object], *, quotas: Sequence[Object], pods: Sequence[Object]) -> list[str | None]:
    """Give for each new pod why it may not be created, or None: those before it count as created, if they may be.

    Args:
        quotas: those of the namespace.
        pods: those that are there.
    """
    used = {quota["metadata"]["name"]: quota_status(quota, pods=pods)["used"] for quota in quotas}
    found: list[str | None] = []
    for pod in new:
        why = next((text for quota in quotas if (text := _refusal(pod, quota=quota, used=used)) is not None), None)
        found.append(why)
        needs = _needs(pod) if why is None else {}
        used = {name: _added(amounts, needs=needs) for name, amounts in used.items()}
    return found


def _added(amounts: Mapping[str, str], *, needs: Mapping[str, str]) -> dict[str, str]:
    return {name: sum_text([needs.get(name, "0"), amount]) for name, amount in amounts.items()}


def _refusal(pod: Object, *, quota: Object, used: Mapping[str, Mapping[str, str]]) -> str | None:
    name, hard, needs = quota["metadata"]["name"], _hard(quota), _needs(pod)
    if missing := [one for one in sorted(hard) if one not in needs]:
        whom = {one: ",".join(sorted(_without(one, pod=pod))) for one in missing}
        return f"failed quota: {name}: must specify {'; '.join(f'{one} for: {whom[one]}' for one in missing)}"
    over = [one for one in sorted(hard) if _is_over(hard[one], used=used[name][one], needed=needs[one])]
    if not over:
        return None
    asked, taken, limits = ({one: sum_text([amounts[one]]) for one in over} for amounts in (needs, used[name], hard))
    return f"exceeded quota: {name}, requested: {_list(asked)}, used: {_list(taken)}, limited: {_list(limits)}"


def _hard(quota: Object) -> dict[str, str]:
    spec = quota.get("spec") or {}
    if spec.get("scopes") or spec.get("scopeSelector"):
        return {}
    known = {name: amount for name, amount in (spec.get("hard") or {}).items() if _is_known(name)}
    return {name: str(amount) for name, amount in known.items()}


def _is_known(name: str) -> bool:
    return name in (*_PODS, "cpu", "memory") or name.startswith(("requests.", "limits."))


def _is_over(limit: str, *, used: str, needed: str) -> bool:
    return value_of(needed) > 0 and value_of(used) + value_of(needed) > value_of(limit)


def _counts(pod: Object) -> bool:
    return (pod.get("status") or {}).get("phase") not in _ENDED


def _needs(pod: Object) -> dict[str, str]:
    """Give what one pod takes of each resource that all its containers name."""
    amounts = [_amounts(container) for container in pod["spec"]["containers"]]
    everywhere = set(amounts[0]).intersection(*amounts[1:])
    return {**{name: sum_text(one[name] for one in amounts) for name in everywhere}, **dict.fromkeys(_PODS, "1")}


def _amounts(container: Object) -> dict[str, str]:
    """Give requests and limits by the names that quotas have for them; a limit alone is a request too."""
    given = container.get("resources") or {}
    limits = given.get("limits") or {}
    requests = {**limits, **(given.get("requests") or {})}
    named = {**{f"limits.{name}": one for name, one in limits.items()}}
    named |= {f"requests.{name}": one for name, one in requests.items()}
    named |= {name: requests[name] for name in ("cpu", "memory") if name in requests}
    return {name: str(one) for name, one in named.items()}


def _without(name: str, *, pod: Object) -> list[str]:
    return [container["name"] for container in pod["spec"]["containers"] if name not in _amounts(container)]


def _sums(counting: Sequence[Mapping[str, str]], *, names: Iterable[str]) -> dict[str, str]:
    return {name: sum_text(needs[name] for needs in counting if name in needs) for name in names}


def _list(amounts: Mapping[str, str]) -> str:
    return ",".join(f"{name}={amount}" for name, amount in amounts.items())
