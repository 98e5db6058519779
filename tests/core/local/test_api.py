"""The verbs of the API server, and how it refuses."""

import pytest

from tests.core.local.calling import CONFIGS, JOBS, PODS, calling, config, job, jobset, pod

JOBSETS = "/apis/jobset.x-k8s.io/v1alpha2/namespaces/default/jobsets"


@pytest.fixture
async def call(tmp_path):
    async with calling(tmp_path) as caller:
        yield caller


def told(answer):
    status, body = answer
    return status, body.get("reason"), body.get("message")


async def test_life_of_an_object(call):
    status, created = await call("POST", CONFIGS, config(data={"a": "1"}))
    assert (201, "v1", "ConfigMap", {"a": "1"}) == (status, created["apiVersion"], created["kind"], created["data"])

    assert (200, created) == await call("GET", f"{CONFIGS}/c")
    status, replaced = await call("PUT", f"{CONFIGS}/c", {**created, "data": {"a": "2"}})
    assert (200, {"a": "2"}) == (status, replaced["data"])
    status, patched = await call.patch(f"{CONFIGS}/c", {"data": {"a": None, "b": "3"}})
    assert (200, {"b": "3"}) == (status, patched["data"])
    version = patched["metadata"]["resourceVersion"]
    expected = {
        "kind": "ConfigMapList",
        "apiVersion": "v1",
        "metadata": {"resourceVersion": version},
        "items": [patched],
    }
    assert (200, expected) == await call("GET", CONFIGS)

    status, gone = await call("DELETE", f"{CONFIGS}/c")
    details = {"name": "c", "kind": "configmaps", "uid": created["metadata"]["uid"]}
    assert (200, "Success", details) == (status, gone["status"], gone["details"])
    assert (404, "NotFound", 'configmaps "c" not found') == told(await call("GET", f"{CONFIGS}/c"))


async def test_refusals_read_well(call):
    await call("POST", JOBS, job())
    _, current = await call("GET", f"{JOBS}/j")
    stale = {**current, "metadata": {**current["metadata"], "resourceVersion": "1"}}
    foreign = {"preconditions": {"uid": "other"}}

    assert (409, "AlreadyExists", 'jobs.batch "j" already exists') == told(await call("POST", JOBS, job()))
    assert (404, "NotFound", 'jobs.batch "x" not found') == told(await call("GET", f"{JOBS}/x"))
    conflict = 'Operation cannot be fulfilled on jobs.batch "j": the object has been modified; '
    assert (409, "Conflict", f"{conflict}apply your changes to the latest version and try again") == told(
        await call("PUT", f"{JOBS}/j", stale)
    )
    assert (409, "Conflict") == told(await call.patch(f"{JOBS}/j", {"metadata": {"resourceVersion": "1"}}))[:2]
    assert (409, "Conflict") == told(await call("DELETE", f"{JOBS}/j", foreign))[:2]
    assert (405, "MethodNotAllowed") == told(await call("POST", f"{JOBS}/j", job()))[:2]
    assert (404, "NotFound") == told(await call("GET", "/apis/apps/v1/deployments"))[:2]
    assert (404, "NotFound") == told(await call("GET", f"{CONFIGS}/c/status"))[:2]
    assert (400, "BadRequest") == told(await call("POST", JOBS, {**job(), "kind": "Pod"}))[:2]
    assert (400, "BadRequest") == told(await call("POST", JOBS, [1]))[:2]
    assert (400, "BadRequest") == told(await call("GET", f"{JOBS}?labelSelector=a in b"))[:2]
    assert (400, "BadRequest", "field label not supported: spec.x") == told(
        await call("GET", f"{JOBS}?fieldSelector=spec.x=1")
    )
    assert (415, "UnsupportedMediaType") == told(await call.patch(f"{JOBS}/j", [], kind="json-patch"))[:2]
    protobuf = {"Content-Type": "application/vnd.kubernetes.protobuf"}
    assert (415, "UnsupportedMediaType") == told(await call("POST", JOBS, job(), headers=protobuf))[:2]


async def test_status_object_has_every_field_that_clients_read(call):
    _, body = await call("GET", f"{JOBS}/x")

    assert body == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": 'jobs.batch "x" not found',
        "reason": "NotFound",
        "details": {"name": "x", "group": "batch", "kind": "jobs"},
        "code": 404,
    }


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer wrong", "Basic let-me-in"])
async def test_only_the_token_opens(call, authorization):
    answer = await call("GET", JOBS, headers={"Authorization": authorization})

    assert (401, "Unauthorized") == told(answer)[:2]


async def test_health_needs_no_token(call):
    for path in ("/healthz", "/readyz", "/livez"):
        async with call.client.get(path) as response:
            assert (200, "ok") == (response.status, await response.text())


async def test_body_over_4_mib_is_refused(call):
    answer = await call("POST", CONFIGS, config(data={"a": "x" * (4 << 20)}))

    assert (413, "RequestEntityTooLarge") == told(answer)[:2]


async def test_a_bug_in_the_server_is_a_500_that_tells_no_values(call, caplog):
    call.store.close()
    status, reason, message = told(await call("POST", CONFIGS, config(data={"a": "secret"})))

    assert (500, "InternalError") == (status, reason)
    assert "secret" not in message
    assert "secret" not in caplog.text


async def test_namespaces_are_default_and_those_created(call):
    missing = (404, "NotFound", 'namespaces "team-a" not found')
    assert missing == told(await call("POST", CONFIGS.replace("default", "team-a"), config()))
    assert missing == told(await call("POST", CONFIGS.replace("default", "team-a") + "?dryRun=All", config()))
    assert 201 == (await call("POST", "/api/v1/namespaces", {"metadata": {"name": "team-a"}}))[0]
    assert 201 == (await call("POST", CONFIGS.replace("default", "team-a"), config()))[0]

    _, found = await call("GET", "/api/v1/namespaces")
    told_of = [(each["metadata"]["name"], each["status"]["phase"]) for each in found["items"]]
    assert [("default", "Active"), ("team-a", "Active")] == told_of
    _, accounts = await call("GET", "/api/v1/serviceaccounts")
    assert [("default", "default"), ("team-a", "default")] == [
        (each["metadata"]["namespace"], each["metadata"]["name"]) for each in accounts["items"]
    ]
    assert (404, "NotFound") == told(await call("GET", f"{CONFIGS}/c"))[:2]
    assert 1 == len((await call("GET", "/api/v1/configmaps"))[1]["items"])
    assert (400, "BadRequest") == told(await call("POST", CONFIGS, config(namespace="team-a")))[:2]

    await call("DELETE", "/api/v1/namespaces/team-a")
    assert [] == (await call("GET", "/api/v1/configmaps"))[1]["items"]
    assert 403 == (await call("POST", CONFIGS, config()), await call("DELETE", "/api/v1/namespaces/default"))[1][0]


async def test_a_secret_keeps_its_texts_as_data(call):
    secret = {"metadata": {"name": "s"}, "data": {"a": "MQ=="}, "stringData": {"b": "2"}}

    _, created = await call("POST", CONFIGS.replace("configmaps", "secrets"), secret)

    assert ({"a": "MQ==", "b": "Mg=="}, False) == (created["data"], "stringData" in created)


async def test_main_resource_and_status_do_not_touch_each_other(call):
    await call("POST", JOBS, {**job(), "status": {"active": 9}})
    _, patched = await call.patch(f"{JOBS}/j", {"spec": {"suspend": True}, "status": {"active": 9}})
    assert ({}, True) == (patched["status"], patched["spec"]["suspend"])

    _, patched = await call.patch(f"{JOBS}/j/status", {"spec": {"suspend": False}, "status": {"active": 1}})
    assert ({"active": 1}, True) == (patched["status"], patched["spec"]["suspend"])
    _, replaced = await call("PUT", f"{JOBS}/j/status", {**patched, "spec": {}, "status": {"active": 2}})
    assert ({"active": 2}, True) == (replaced["status"], replaced["spec"]["suspend"])
    _, replaced = await call("PUT", f"{JOBS}/j", {**replaced, "status": {}})
    assert {"active": 2} == replaced["status"]
    assert 200 == (await call("GET", f"{JOBS}/j/status"))[0]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, (1, 1, "NonIndexed", 6, "TerminatingOrFailed", False)),
        ({"parallelism": 3}, (3, None, "NonIndexed", 6, "TerminatingOrFailed", False)),
        ({"completions": 3}, (1, 3, "NonIndexed", 6, "TerminatingOrFailed", False)),
        (
            {
                "completionMode": "Indexed",
                "backoffLimitPerIndex": 1,
                "podFailurePolicy": {"rules": []},
                "suspend": True,
            },
            (1, 1, "Indexed", 2147483647, "Failed", True),
        ),
    ],
    ids=["nothing", "work queue", "completions", "indexed"],
)
async def test_jobs_get_the_defaults_of_the_real_api(call, given, expected):
    _, created = await call("POST", JOBS, job(**given))

    fields = ("parallelism", "completions", "completionMode", "backoffLimit", "podReplacementPolicy", "suspend")
    assert expected == tuple(created["spec"].get(field) for field in fields)


async def test_strategic_merge_of_maps_is_a_merge(call):
    await call("POST", CONFIGS, config(labels={"a": "1", "b": "2"}))
    _, patched = await call.patch(f"{CONFIGS}/c", {"metadata": {"labels": {"a": None}}}, kind="strategic-merge-patch")

    assert {"b": "2"} == patched["metadata"]["labels"]


async def test_dry_run_changes_nothing(call):
    assert 201 == (await call("POST", f"{JOBS}?dryRun=All", job()))[0]
    assert (404, "NotFound") == told(await call("GET", f"{JOBS}/j"))[:2]
    await call("POST", JOBS, job())
    version = call.store.version

    assert 409 == (await call("POST", f"{JOBS}?dryRun=All", job()))[0]
    assert (await call.patch(f"{JOBS}/j?dryRun=All", {"spec": {"suspend": True}}))[1]["spec"]["suspend"]
    assert 200 == (await call("DELETE", f"{JOBS}/j?dryRun=All"))[0]
    assert 200 == (await call("DELETE", f"{JOBS}/j", {"dryRun": ["All"]}))[0]
    assert 422 == (await call("POST", f"{JOBS}?dryRun=Some", job("k")))[0]
    assert version == call.store.version


@pytest.mark.parametrize(
    ("how", "finalizers"),
    [
        ({"params": {"propagationPolicy": "Foreground"}}, ["foregroundDeletion"]),
        ({"body": {"propagationPolicy": "Orphan"}}, ["orphan"]),
    ],
    ids=["query", "body"],
)
async def test_delete_with_propagation_gives_the_marked_object(call, how, finalizers):
    await call("POST", JOBS, job())
    status, marked = await call("DELETE", f"{JOBS}/j", **how)

    assert (200, "Job", finalizers) == (status, marked["kind"], marked["metadata"]["finalizers"])
    assert "2027-01-15T08:00:00Z" == marked["metadata"]["deletionTimestamp"]


async def test_a_job_deleted_without_a_word_orphans_its_pods_as_in_the_real_api(call):
    await call("POST", JOBS, job())
    _, marked = await call("DELETE", f"{JOBS}/j")

    assert ["orphan"] == marked["metadata"]["finalizers"]
    assert "Success" == (await call("DELETE", f"{JOBS}/j", {"propagationPolicy": "Background"}))[1]["status"]


async def test_pods_end_gracefully(call):
    await call("POST", PODS, pod())
    status, marked = await call("DELETE", f"{PODS}/p", {"gracePeriodSeconds": 7})

    assert (200, "2027-01-15T08:00:07Z") == (status, marked["metadata"]["deletionTimestamp"])


async def test_delete_collection_by_labels(call):
    for name, labels in (("a", {"x": "1"}), ("b", {"x": "1"}), ("c", {"x": "2"})):
        await call("POST", CONFIGS, config(name, labels=labels))
    status, deleted = await call("DELETE", f"{CONFIGS}?labelSelector=x=1")

    assert (200, ["a", "b"]) == (status, [each["metadata"]["name"] for each in deleted["items"]])
    assert ["c"] == [each["metadata"]["name"] for each in (await call("GET", CONFIGS))[1]["items"]]


async def test_field_selectors(call):
    for name in ("a", "b"):
        involved = {"involvedObject": {"kind": "Job", "name": name, "uid": f"uid-{name}"}}
        await call("POST", "/api/v1/namespaces/default/events", {"metadata": {"name": name}, "reason": "R", **involved})

    async def names(text):
        _, found = await call("GET", "/api/v1/events", params={"fieldSelector": text})
        return [each["metadata"]["name"] for each in found["items"]]

    assert ["a"] == await names("involvedObject.uid=uid-a,involvedObject.kind=Job,reason==R")
    assert ["b"] == await names("metadata.name!=a,metadata.namespace=default")
    assert [] == await names("involvedObject.name=c")
    assert ["a", "b"] == await names("source=")
    unknown = await call("GET", "/api/v1/events", params={"fieldSelector": "regarding.name=a"})
    assert (400, "BadRequest", "field label not supported: regarding.name") == told(unknown)


async def test_pods_are_listed_by_host_but_not_watched_by_it(call):
    await call("POST", PODS, pod("a"))
    await call("POST", PODS, {**pod("b"), "spec": {**pod()["spec"], "nodeName": "vm"}})

    _, there = await call("GET", PODS, params={"fieldSelector": "spec.nodeName=vm,status.phase!=Failed"})
    watched = await call("GET", PODS, params={"fieldSelector": "spec.nodeName=vm", "watch": "1"})

    assert ["b"] == [each["metadata"]["name"] for each in there["items"]]
    assert (400, "BadRequest", "field label not supported: spec.nodeName") == told(watched)


async def test_eviction_is_a_disruption(call):
    await call("POST", PODS, pod())
    status, _ = await call("POST", f"{PODS}/p/eviction", {"deleteOptions": {"gracePeriodSeconds": 3}})
    _, found = await call("GET", f"{PODS}/p")

    (condition,) = found["status"]["conditions"]
    assert (201, "DisruptionTarget", "True") == (status, condition["type"], condition["status"])
    assert "EvictionByEvictionAPI" == condition["reason"]
    assert 3 == found["metadata"]["deletionGracePeriodSeconds"]


async def test_eviction_as_a_dry_run_disturbs_nothing(call):
    _, created = await call("POST", PODS, pod())

    assert 201 == (await call("POST", f"{PODS}/p/eviction?dryRun=All", {}))[0]
    assert (200, created) == await call("GET", f"{PODS}/p")


async def test_tables_for_people(call):
    await call("POST", JOBS, job(completions=3, completionMode="Indexed"))
    started = {"startTime": "2027-01-15T07:50:30Z", "succeeded": 2, "conditions": []}
    await call.patch(f"{JOBS}/j/status", {"status": started})
    table = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}
    _, found = await call("GET", JOBS, headers=table)

    assert ["Name", "Status", "Completions", "Duration", "Age"] == [each["name"] for each in found["columnDefinitions"]]
    assert [["j", "Running", "2/3", "9m30s", "0s"]] == [row["cells"] for row in found["rows"]]
    assert "PartialObjectMetadata" == found["rows"][0]["object"]["kind"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ({}, ["p", "0/1", "Pending"]),
        (
            {"phase": "Running", "containerStatuses": [{"name": "main", "ready": True, "state": {"running": {}}}]},
            ["p", "1/1", "Running"],
        ),
        (
            {"phase": "Failed", "containerStatuses": [{"name": "main", "state": {"terminated": {"reason": "Error"}}}]},
            ["p", "0/1", "Error"],
        ),
    ],
    ids=["pending", "running", "failed"],
)
async def test_table_of_a_pod(call, path, status):
    await call("POST", PODS, pod())
    await call.patch(f"{PODS}/p/status", {"status": path})
    _, found = await call("GET", f"{PODS}/p", headers={"Accept": "application/json;as=Table"})

    assert status == found["rows"][0]["cells"][:3]


async def test_discovery_names_everything_that_is_served(call):
    for version in ("/api/v1", "/apis/batch/v1", "/apis/jobset.x-k8s.io/v1alpha2", "/apis/scheduling.k8s.io/v1"):
        _, found = await call("GET", version)
        for resource in found["resources"]:
            if "/" not in resource["name"]:
                assert 200 == (await call("GET", f"{version}/{resource['name']}"))[0]
    groups = (await call("GET", "/apis"))[1]["groups"]
    assert ["batch", "jobset.x-k8s.io", "scheduling.k8s.io"] == [group["name"] for group in groups]
    assert ["v1"] == (await call("GET", "/api"))[1]["versions"]
    assert "batch" == (await call("GET", "/apis/batch"))[1]["name"]
    assert "36" == (await call("GET", "/version"))[1]["minor"]
    documents = (await call("GET", "/openapi/v3"))[1]["paths"]
    groups = {"apis/batch/v1", "apis/jobset.x-k8s.io/v1alpha2", "apis/scheduling.k8s.io/v1"}
    assert {"api/v1", *groups} == set(documents)
    paths = (await call("GET", documents["apis/batch/v1"]["serverRelativeURL"]))[1]["paths"]
    assert (
        "fieldValidation"
        == paths["/apis/batch/v1/namespaces/{namespace}/jobs/{name}"]["patch"]["parameters"][0]["name"]
    )


async def test_jobset_is_served_as_the_real_one(call):
    status, created = await call("POST", f"{JOBSETS}?fieldValidation=Strict", jobset())

    assert (201, "jobset.x-k8s.io/v1alpha2", 1) == (status, created["apiVersion"], created["metadata"]["generation"])
    assert (404, "NotFound", 'jobsets.jobset.x-k8s.io "x" not found') == told(await call("GET", f"{JOBSETS}/x"))


async def test_idle_time_counts_from_the_last_request(tmp_path):
    async with calling(tmp_path) as call:
        assert 0.0 == call.api.idle_s
        async with call.stream(CONFIGS, watch="1"):
            assert 0.0 == call.api.idle_s
