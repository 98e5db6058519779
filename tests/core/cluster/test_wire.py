"""Every rule of a request, as a value."""

import pytest

from dagset.cluster import wire
from dagset.cluster.wire import Request

STRICT = (("fieldManager", "dagset"), ("fieldValidation", "Strict"))


def test_create_is_strict_and_names_its_manager():
    manifest = {"apiVersion": "jobset.x-k8s.io/v1alpha2", "kind": "JobSet", "metadata": {"name": "a"}}

    assert Request(
        "create JobSet ml/a", "POST", "/apis/jobset.x-k8s.io/v1alpha2/namespaces/ml/jobsets", STRICT, manifest
    ) == wire.create(manifest, namespace="ml")


def test_dry_run_says_so():
    request = wire.create({"kind": "Job", "metadata": {"name": "a"}}, namespace="ml", dry_run=True)

    assert ("dry run of create Job ml/a", (*STRICT, ("dryRun", "All"))) == (request.what, request.query)


def test_plural_of_a_kind_that_ends_in_s():
    request = wire.get("WorkloadPriorityClass", namespace="", name="high")

    assert "/apis/kueue.x-k8s.io/v1beta2/workloadpriorityclasses/high" == request.path


@pytest.mark.parametrize(
    ("kind", "namespace", "path"),
    [
        ("Pod", "ml", "/api/v1/namespaces/ml/pods/a"),
        ("Job", "ml", "/apis/batch/v1/namespaces/ml/jobs/a"),
        ("Namespace", "", "/api/v1/namespaces/a"),
    ],
)
def test_paths(kind, namespace, path):
    assert path == wire.get(kind, namespace=namespace, name="a").path


def test_no_name_leaves_its_place_in_the_path():
    assert "/api/v1/namespaces/..%2F..%2Fx/pods/a%3Fb" == wire.get("Pod", namespace="../../x", name="a?b").path


def test_list_over_all_namespaces_with_labels():
    request = wire.list_("Job", namespace="", labels={"b/c": "2", "a": "1"})

    assert "/apis/batch/v1/jobs?labelSelector=a%3D1%2Cb%2Fc%3D2" == request.target


def test_list_of_objects_that_carry_one_of_several_values():
    request = wire.list_("Pod", namespace="ml", labels={"a": ("3", "2"), "b": "1"})

    assert (("labelSelector", "a in (2,3),b=1"),) == request.query


def test_watch_asks_for_bookmarks_and_an_end():
    request = wire.watch("Pod", namespace="ml", labels={"a": "1"}, resource_version="7")

    assert (
        "/api/v1/namespaces/ml/pods?labelSelector=a%3D1&watch=true&resourceVersion=7"
        "&allowWatchBookmarks=true&timeoutSeconds=1740"
    ) == request.target


def test_patch_is_a_merge_patch():
    body = {"spec": {"suspend": True}}

    assert Request(
        "patch Job ml/a",
        "PATCH",
        "/apis/batch/v1/namespaces/ml/jobs/a",
        STRICT,
        body,
        content_type="application/merge-patch+json",
    ) == wire.patch("Job", namespace="ml", name="a", body=body)


def test_delete_is_of_one_uid():
    options = {"apiVersion": "v1", "kind": "DeleteOptions"}
    options |= {"propagationPolicy": "Foreground", "preconditions": {"uid": "u"}}

    assert Request("delete Job ml/a", "DELETE", "/apis/batch/v1/namespaces/ml/jobs/a", (), options) == wire.delete(
        "Job", namespace="ml", name="a", uid="u", propagation="Foreground"
    )


@pytest.mark.parametrize(
    ("follow", "since_time", "query"),
    [
        (False, None, "container=main&timestamps=true"),
        (True, "2026-01-01T00:00:00Z", "container=main&timestamps=true&follow=true&sinceTime=2026-01-01T00%3A00%3A00Z"),
    ],
    ids=["read", "follow-since"],
)
def test_logs(follow, since_time, query):
    request = wire.logs(namespace="ml", pod="p", follow=follow, since_time=since_time)

    assert f"/api/v1/namespaces/ml/pods/p/log?{query}" == request.target
