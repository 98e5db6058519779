"""Resource quotas: what is used, and the words of a refusal.

Source:
    Kubernetes 1.36, pkg/quota/v1/evaluator/core/pods.go and staging/src/k8s.io/apiserver/pkg/admission/plugin/
    resourcequota/controller.go; the texts are theirs, tried with the real API server.
    Left out: scopes (a quota that has them is not enforced), storage classes.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from dagset.local.objects import Object
from dagset.local.quantities import sum_text, value_of
from dagset.local.resources import RESOURCES, resource_of

__all__ = ["quota_status", "refusals_by_quota"]

Things = Callable[[str], Iterable[Object]]  # the objects of a kind in the quota's namespace

_ENDED = ("Succeeded", "Failed")
_COUNTED = ("Pod", "Service", "Secret", "ConfigMap", "PersistentVolumeClaim", "ResourceQuota")  # without `count/` too


def quota_status(quota: Object, *, things: Things) -> Object:
    """Give the status of a quota in a namespace with these things."""
    hard = _hard(quota)
    return {"hard": {name: sum_text([limit]) for name, limit in hard.items()}, "used": _used(hard, things=things)}


def refusals_by_quota(
    new: Sequence[Object], *, kind: str, quotas: Sequence[Object], things: Things
) -> list[str | None]:
    """Give for each new object why it may not be created, or None: those before it count as created, if they may be.

    Args:
        kind: of all the new ones.
        quotas: those of the namespace.
    """
    used = {quota["metadata"]["name"]: _used(_hard(quota), things=things) for quota in quotas}
    found: list[str | None] = []
    for thing in new:
        needs = _needs(kind, thing)
        reasons = (_refusal(thing, kind=kind, quota=quota, needs=needs, used=used) for quota in quotas)
        found.append(why := next((text for text in reasons if text is not None), None))
        if why is None:
            used = {name: _added(amounts, needs=needs) for name, amounts in used.items()}
    return found


def _added(amounts: Mapping[str, str], *, needs: Mapping[str, str]) -> dict[str, str]:
    return {name: sum_text([needs.get(name, "0"), amount]) for name, amount in amounts.items()}


def _refusal(
    thing: Object, *, kind: str, quota: Object, needs: Mapping[str, str], used: Mapping[str, Mapping[str, str]]
) -> str | None:
    name, hard = quota["metadata"]["name"], _hard(quota)
    missing = [one for one in sorted(hard) if one not in needs and _is_of_pods(one)] if kind == "Pod" else []
    if missing:
        whom = {one: ",".join(sorted(_without(one, pod=thing))) for one in missing}
        return f"failed quota: {name}: must specify {'; '.join(f'{one} for: {whom[one]}' for one in missing)}"
    over = [
        one for one in sorted(hard) if one in needs and _is_over(hard[one], used=used[name][one], needed=needs[one])
    ]
    if not over:
        return None
    asked, taken, limits = ({one: sum_text([amounts[one]]) for one in over} for amounts in (needs, used[name], hard))
    return f"exceeded quota: {name}, requested: {_list(asked)}, used: {_list(taken)}, limited: {_list(limits)}"


def _hard(quota: Object) -> dict[str, str]:
    spec = quota.get("spec") or {}
    if spec.get("scopes") or spec.get("scopeSelector"):
        return {}
    known = {name: amount for name, amount in (spec.get("hard") or {}).items() if _is_of_pods(name) or name in _COUNTS}
    return {name: str(amount) for name, amount in known.items()}


def _is_of_pods(name: str) -> bool:
    return name in ("cpu", "memory") or name.startswith(("requests.", "limits."))


def _counts_of(kind: str) -> list[str]:
    resource = resource_of(kind)
    return [f"count/{resource.full_name}", *([resource.plural] if kind in _COUNTED else [])]


_COUNTS = {name: resource.kind for resource in RESOURCES if resource.namespaced for name in _counts_of(resource.kind)}


def _is_over(limit: str, *, used: str, needed: str) -> bool:
    return value_of(needed) > 0 and value_of(used) + value_of(needed) > value_of(limit)


def _used(hard: Mapping[str, str], *, things: Things) -> dict[str, str]:
    """Give how much of each limited resource is used; only the kinds that are limited are looked at."""
    kinds = {_COUNTS.get(name, "Pod") for name in hard}
    needs = {kind: [_needs(kind, thing) for thing in things(kind) if _counts(thing)] for kind in kinds}
    return {name: sum_text(one[name] for one in needs[_COUNTS.get(name, "Pod")] if name in one) for name in hard}


def _counts(thing: Object) -> bool:
    return (thing.get("status") or {}).get("phase") not in _ENDED


def _needs(kind: str, thing: Object) -> dict[str, str]:
    """Give what one object takes: its place in the count, and of a pod each resource that all its containers name."""
    needs = dict.fromkeys(_counts_of(kind), "1")
    if kind != "Pod":
        return needs
    amounts = [_amounts(container) for container in thing["spec"]["containers"]]
    everywhere = set(amounts[0]).intersection(*amounts[1:])
    return {**needs, **{name: sum_text(one[name] for one in amounts) for name in everywhere}}


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


def _list(amounts: Mapping[str, str]) -> str:
    return ",".join(f"{name}={amount}" for name, amount in amounts.items())
