"""What the server asks of a pod beyond its own form: account, priority class, quota. Texts are the real server's."""

from typing import Any

import pytest

from dagset.local.quantities import is_quantity, sum_text, value_of
from dagset.local.quota import quota_status, refusals_by_quota
from tests.core.local.calling import JOBS, PODS, calling, job

Object = dict[str, Any]
QUOTAS = "/api/v1/namespaces/default/resourcequotas"


def pod(name: str = "p", *, requests: Object | None = None, limits: Object | None = None, **spec: Any) -> Object:
    resources = {"requests": requests or {}, "limits": limits or {}}
    container = {"name": "main", "image": "busybox:1", "resources": resources}
    return {"metadata": {"name": name}, "spec": {"restartPolicy": "Never", "containers": [container], **spec}}


def quota(name: str = "q", **hard: str) -> Object:
    return {"metadata": {"name": name}, "spec": {"hard": {key.replace("__", "."): one for key, one in hard.items()}}}


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        (
            {"serviceAccountName": "x"},
            'error looking up service account default/x: serviceaccount "x" not found',
        ),
        ({"priorityClassName": "x"}, "no PriorityClass with name x was found"),
        (
            {"serviceAccountName": "y", "priorityClassName": "x"},
            'error looking up service account default/y: serviceaccount "y" not found',
        ),
    ],
    ids=["account", "priority class", "account first"],
)
@pytest.mark.parametrize("query", ["", "?dryRun=All"])
async def test_what_a_pod_names_must_exist(tmp_path, spec, why, query):
    async with calling(tmp_path) as call:
        status, body = await call("POST", PODS + query, pod(**spec))

    assert (403, "Forbidden", f'pods "p" is forbidden: {why}') == (status, body["reason"], body["message"])
    assert {"name": "p", "kind": "pods"} == body["details"]


async def test_what_a_pod_names_is_found(tmp_path):
    async with calling(tmp_path) as call:
        await call("POST", "/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "robot"}})
        await call("POST", "/apis/scheduling.k8s.io/v1/priorityclasses", {"metadata": {"name": "high"}, "value": 7})

        _, named = await call("POST", PODS, pod("a", serviceAccountName="robot", priorityClassName="high"))
        _, ours = await call("POST", PODS, pod("b", serviceAccountName="default"))
        _, system = await call("POST", PODS, pod("c", priorityClassName="system-node-critical"))

    assert (7, None, 2_000_001_000) == tuple(one["spec"].get("priority") for one in (named, ours, system))


async def test_a_quota_refuses_what_goes_beyond_it(tmp_path):
    async with calling(tmp_path) as call:
        await call("POST", QUOTAS, quota(pods="1", requests__cpu="1"))
        first, second = pod("a", requests={"cpu": "500m"}), pod("b", requests={"cpu": "1"})
        assert 201 == (await call("POST", PODS, first))[0]

        status, body = await call("POST", PODS + "?dryRun=All", second)

    why = "exceeded quota: q, requested: pods=1,requests.cpu=1, used: pods=1,requests.cpu=500m, "
    assert (403, f'pods "b" is forbidden: {why}limited: pods=1,requests.cpu=1') == (status, body["message"])


async def test_a_quota_counts_objects_of_any_kind(tmp_path):
    async with calling(tmp_path) as call:
        await call("POST", QUOTAS, {"metadata": {"name": "q"}, "spec": {"hard": {"count/jobs.batch": "1"}}})
        assert 201 == (await call("POST", JOBS, job("a")))[0]
        status, body = await call("POST", JOBS, job("b"))

    why = "exceeded quota: q, requested: count/jobs.batch=1, used: count/jobs.batch=1, limited: count/jobs.batch=1"
    assert (403, f'jobs.batch "b" is forbidden: {why}') == (status, body["message"])
    assert {"name": "b", "group": "batch", "kind": "jobs"} == body["details"]


def nothing(_kind: str) -> list[Object]:
    return []


MIB = {"memory": "100Mi"}


@pytest.mark.parametrize(
    ("hard", "new", "expected"),
    [
        ({"pods": "2"}, [pod(), pod(), pod()], [None, None, "requested: pods=1, used: pods=2, limited: pods=2"]),
        ({"memory": "100Mi"}, [pod(limits=MIB)], [None]),
        (
            {"limits.memory": "1Gi", "requests.cpu": "1"},
            [pod(requests={"cpu": "1500m"}, limits={"memory": "2Gi"})],
            [
                "requested: limits.memory=2Gi,requests.cpu=1500m, used: limits.memory=0,requests.cpu=0, "
                "limited: limits.memory=1Gi,requests.cpu=1"
            ],
        ),
        ({"count/pods": "0"}, [pod()], ["requested: count/pods=1, used: count/pods=0, limited: count/pods=0"]),
    ],
    ids=["each counts for the next", "a limit is a request", "all that is over", "count/pods"],
)
def test_quota_by_tables(hard, new, expected):
    whole = [None if one is None else f"exceeded quota: q, {one}" for one in expected]

    quotas = [{"metadata": {"name": "q"}, "spec": {"hard": hard}}]
    assert whole == refusals_by_quota(new, kind="Pod", quotas=quotas, things=nothing)


def test_a_quota_makes_requests_a_must():
    quotas = [quota(requests__cpu="1", limits__memory="1Gi")]
    found = refusals_by_quota([pod()], kind="Pod", quotas=quotas, things=nothing)

    assert ["failed quota: q: must specify limits.memory for: main; requests.cpu for: main"] == found


def test_quotas_with_scopes_are_not_enforced():
    scoped = {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "0"}, "scopes": ["BestEffort"]}}

    assert [None] == refusals_by_quota([pod()], kind="Pod", quotas=[scoped], things=nothing)


def test_ended_pods_use_nothing():
    pods = [{**pod(requests={"cpu": "100m"}), "status": {"phase": phase}} for phase in ("Running", "Pending", "Failed")]

    assert {"hard": {"pods": "5", "requests.cpu": "1"}, "used": {"pods": "2", "requests.cpu": "200m"}} == quota_status(
        quota(pods="5", requests__cpu="1"), things=lambda _kind: pods
    )


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["500m", "500m"], "1"),
        (["1", "500m"], "1500m"),
        (["512Mi", "512Mi"], "1Gi"),
        (["1Gi", "1Mi"], "1025Mi"),
        (["1G", "500M"], "1500M"),
        ([], "0"),
        ([3, "2"], "5"),
    ],
)
def test_sums_are_written_as_kubernetes_does(given, expected):
    assert expected == sum_text(given)


@pytest.mark.parametrize("text", ["1x", "", "-", "1.5.2", True, None, [1]])
def test_what_is_no_quantity(text):
    assert not is_quantity(text)
    with pytest.raises(ValueError, match="is not a quantity"):
        value_of(text)
