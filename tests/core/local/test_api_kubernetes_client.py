"""The official Python client, and kubectl where there is one, against a real daemon over TLS."""

import shutil
import subprocess
import threading

import pytest
from kubernetes import client, config, watch
from kubernetes.client.exceptions import ApiException

from tests.core.local.calling import job, jobset, pod
from tests.core.local.serving import serving
from tests.realcluster.build import find_built
from tests.realcluster.fixtures import left_out

JOBSETS = {"group": "jobset.x-k8s.io", "version": "v1alpha2", "namespace": "default", "plural": "jobsets"}


@pytest.fixture(scope="module")
def kubeconfig(tmp_path_factory):
    directory = tmp_path_factory.mktemp("state")
    directory.chmod(0o700)
    with serving(directory):
        yield directory / "kubeconfig"


@pytest.fixture
def api(kubeconfig):
    with config.new_client_from_config(str(kubeconfig)) as api:
        yield api


def typed(kind, thing, api_version="v1"):
    return {"apiVersion": api_version, "kind": kind, **thing}


def test_custom_objects_and_jobs_come_and_go(api):
    jobsets, jobs = client.CustomObjectsApi(api), client.BatchV1Api(api)
    created = jobsets.create_namespaced_custom_object(
        **JOBSETS, body=typed("JobSet", jobset(), "jobset.x-k8s.io/v1alpha2")
    )
    assert [created] == jobsets.list_namespaced_custom_object(**JOBSETS)["items"]
    jobsets.patch_namespaced_custom_object(**JOBSETS, name="js", body={"spec": {"suspend": True}})
    assert jobsets.get_namespaced_custom_object(**JOBSETS, name="js")["spec"]["suspend"] is True
    status = {"status": {"terminalState": "Completed"}}
    jobsets.patch_namespaced_custom_object_status(**JOBSETS, name="js", body=status)
    assert "Completed" == jobsets.get_namespaced_custom_object_status(**JOBSETS, name="js")["status"]["terminalState"]
    gone = jobsets.delete_namespaced_custom_object(**JOBSETS, name="js", propagation_policy="Background")
    assert "Success" == gone["status"]

    jobs.create_namespaced_job("default", typed("Job", job(), "batch/v1"), field_validation="Strict")
    found = jobs.read_namespaced_job("j", "default")
    assert ("main", 1) == (found.spec.template.spec.containers[0].name, found.metadata.generation)
    assert ["j"] == [each.metadata.name for each in jobs.list_job_for_all_namespaces().items]
    jobs.delete_namespaced_job("j", "default", body=client.V1DeleteOptions(propagation_policy="Foreground"))


def test_refusals_are_api_exceptions(api):
    with pytest.raises(ApiException) as caught:
        client.CoreV1Api(api).read_namespaced_pod("none", "default")

    assert (404, "Not Found") == (caught.value.status, caught.value.reason)
    assert 'pods \\"none\\" not found' in caught.value.body


def test_watch_sees_everything_from_a_list_on(api):
    core = client.CoreV1Api(api)
    version = core.list_namespaced_pod("default").metadata.resource_version

    def act():
        core.create_namespaced_pod("default", typed("Pod", pod()))
        core.patch_namespaced_pod_status("p", "default", {"status": {"phase": "Running"}})
        core.delete_namespaced_pod("p", "default", grace_period_seconds=0)

    actor = threading.Thread(target=act)
    actor.start()
    seen = []
    watcher = watch.Watch()
    for event in watcher.stream(core.list_namespaced_pod, "default", resource_version=version, timeout_seconds=10):
        seen.append((event["type"], event["object"].status.phase))
        if event["object"].metadata.deletion_timestamp:
            watcher.stop()
    actor.join()

    assert [("ADDED", "Pending"), ("MODIFIED", "Running"), ("MODIFIED", "Running")] == seen


def test_a_stranger_without_the_ca_or_the_token_gets_nothing(api, kubeconfig):
    server = api.configuration.host
    stranger = client.Configuration(host=server)
    stranger.ssl_ca_cert = api.configuration.ssl_ca_cert
    with client.ApiClient(stranger) as unknown, pytest.raises(ApiException) as caught:
        client.CoreV1Api(unknown).list_namespaced_pod("default")
    assert 401 == caught.value.status
    assert 0o600 == kubeconfig.stat().st_mode & 0o777


@pytest.fixture
def kubectl(kubeconfig):
    built = find_built()
    binary = shutil.which("kubectl") or (built and str(built / "bin" / "kubectl"))
    if binary is None:
        left_out("no kubectl on this machine: python -m tests.realcluster build makes one")

    def run(*words, given=""):
        command = [binary, "--kubeconfig", str(kubeconfig), *words]
        return subprocess.run(command, input=given, capture_output=True, text=True, check=False)

    return run


def test_kubectl_speaks_with_it(kubectl):
    kinds = "jobs,jobsets,pods,configmaps,services,events,namespaces,nodes"
    manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: from-kubectl}\ndata: {a: b}\n"
    assert "configmap/from-kubectl created\n" == kubectl("apply", "-f", "-", given=manifest).stdout
    assert "configmap/from-kubectl labeled\n" == kubectl("label", "configmap", "from-kubectl", "x=y").stdout
    assert "NAME           DATA   AGE\n" == kubectl("get", "cm", "-l", "x=y").stdout.splitlines(keepends=True)[0]
    assert 0 == kubectl("get", kinds, "-A").returncode
    assert 'Error from server (NotFound): pods "none" not found\n' == kubectl("get", "pod", "none").stderr
    assert 'configmap "from-kubectl" deleted' in kubectl("delete", "cm", "from-kubectl").stdout
    misspelt = manifest.replace("data:", "dta:")
    assert 'unknown field "dta"' in kubectl("create", "-f", "-", given=misspelt).stderr
