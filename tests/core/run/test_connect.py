"""Which cluster is meant, and that it is said."""

import os
import signal

import pytest

from dagset.errors import ClusterUnreachable, DagsetError
from dagset.local import client
from dagset.run.connect import describe, open_cluster, shares_our_files
from dagset.testing.fake_cluster import FakeCluster


@pytest.fixture
def kubeconfig(tmp_path):
    def write(name, server="http://10.0.0.1:6443"):
        path = tmp_path / name
        path.write_text(
            f"clusters: [{{name: k, cluster: {{server: '{server}'}}}}]\n"
            "contexts: [{name: c, context: {cluster: k, namespace: ml}}, {name: d, context: {cluster: k}}]\n"
            "current-context: c\n"
        )
        return path

    return write


def never():
    raise AssertionError("the local cluster was not asked for")


@pytest.mark.parametrize("environ", [{}, {"KUBECONFIG": "/root/.kube/config"}], ids=["empty", "kubeconfig-is-set"])
def test_local_cluster_is_the_default(kubeconfig, environ):
    cluster = open_cluster(environ=environ, ensure_local=lambda: kubeconfig("local"))

    assert "local cluster, namespace ml" == describe(cluster)


def test_flag_wins_over_the_environment(kubeconfig):
    environ = {"DAGSET_CLUSTER": "/nowhere"}
    cluster = open_cluster(str(kubeconfig("a")), namespace="x", environ=environ, ensure_local=never)

    assert "http://10.0.0.1:6443 (context c), namespace x" == describe(cluster)


def test_environment_wins_over_local(kubeconfig):
    environ = {"DAGSET_CLUSTER": str(kubeconfig("a"))}

    assert "http://10.0.0.1:6443 (context c)" == open_cluster(environ=environ, ensure_local=never).describe


def test_context_can_be_chosen(kubeconfig):
    cluster = open_cluster(f"{kubeconfig('a')}#d", environ={}, ensure_local=never)

    assert "http://10.0.0.1:6443 (context d), namespace default" == describe(cluster)


def test_the_same_kubeconfig_is_the_same_cluster_until_the_file_changes(kubeconfig):
    name = str(kubeconfig("a"))
    first, again = (open_cluster(name, environ={}, ensure_local=never) for _ in range(2))
    elsewhere = open_cluster(name, namespace="x", environ={}, ensure_local=never)
    kubeconfig("a", server="http://10.0.0.22:6443")
    changed = open_cluster(name, environ={}, ensure_local=never)

    assert [True, False, False] == [first is other for other in (again, elsewhere, changed)]


def test_missing_file_says_which_and_what_to_do():
    with pytest.raises(DagsetError) as caught:
        open_cluster("/nowhere/config", environ={}, ensure_local=never)
    assert "kubeconfig /nowhere/config: No such file or directory; name another by --cluster or $DAGSET_CLUSTER" == str(
        caught.value
    )


def test_in_cluster_outside_of_a_pod_says_so():
    with pytest.raises(DagsetError, match="not inside a pod"):
        open_cluster("in-cluster", environ={}, ensure_local=never)


@pytest.mark.cluster
def test_the_local_cluster_is_started_again_when_it_died_but_not_when_it_was_stopped(tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSET_STATE", str(tmp_path / "state"))
    cluster = open_cluster("local")
    dead = client.status()["pid"]
    os.kill(dead, signal.SIGKILL)
    os.waitpid(dead, 0)

    assert [] == cluster.list("Job", namespace="default", labels={}).items
    assert dead != client.status()["pid"]
    assert client.stop()
    with pytest.raises(ClusterUnreachable, match="was stopped; `dagset list` starts it again"):
        cluster.list("Job", namespace="default", labels={})


@pytest.mark.parametrize(("version", "shares"), [("v1.36.0+dagset", True), ("v1.36.3", False)])
def test_only_a_local_cluster_shares_our_files(version, shares):
    assert shares == shares_our_files(FakeCluster(version=version))
