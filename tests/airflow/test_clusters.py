"""Which cluster is meant by a task's arguments and its connection; probe.py asks, where Airflow is."""

import pytest

NONE = "give it kube_config, kube_config_path or in_cluster in its extra"
ONE = "give one of them, as an argument or in the connection"
# name: (the connection's extra, None for no connection; the arguments; what is meant, or what is said)
CASES = {
    "nothing": (None, {}, [None, None, None, ""]),
    "local": (None, {"cluster": "local", "namespace": "n"}, ["local", None, "n", ""]),
    "file": (None, {"config_file": "k", "cluster_context": "c"}, ["k", "c", None, ""]),
    "in_cluster": (None, {"in_cluster": True}, ["in-cluster", None, None, ""]),
    "extra_file": ({"kube_config_path": "k", "cluster_context": "c", "namespace": "n"}, {}, ["k", "c", "n", ""]),
    "extra_text": ({"kube_config": "clusters: []"}, {}, [None, None, None, "clusters: []"]),
    "extra_mapping": ({"kube_config": {"clusters": []}}, {}, [None, None, None, '{"clusters": []}']),
    "extra_in_cluster": ({"in_cluster": "True"}, {}, ["in-cluster", None, None, ""]),
    "prefixed": ({"extra__kubernetes__in_cluster": True}, {}, ["in-cluster", None, None, ""]),
    "argument_over_extra": (
        {"kube_config_path": "k", "cluster_context": "c", "namespace": "n"},
        {"config_file": "l", "cluster_context": "d", "namespace": "m"},
        ["l", "d", "m", ""],
    ),
    "not_inside": ({"in_cluster": True, "kube_config_path": "k"}, {"in_cluster": False}, ["k", None, None, ""]),
    "around_us": (
        {"namespace": "n"},
        {"environ": {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}},
        ["in-cluster", None, "n", ""],
    ),
    "verified": ({"in_cluster": True, "disable_verify_ssl": "False"}, {}, ["in-cluster", None, None, ""]),
    "local_and_file": (
        None,
        {"cluster": "local", "config_file": "k"},
        "cluster: cluster and config_file each name a cluster; give one of them",
    ),
    "local_and_connection": (
        {"in_cluster": True},
        {"cluster": "local"},
        "cluster: cluster and kubernetes_conn_id each name a cluster; give one of them",
    ),
    "two_in_extra": (
        {"kube_config_path": "k", "kube_config": "x"},
        {},
        f"kube_config_path: kube_config_path and kube_config each name a cluster; {ONE}",
    ),
    "argument_and_extra": (
        {"kube_config": "x"},
        {"config_file": "k"},
        f"config_file: config_file and kube_config each name a cluster; {ONE}",
    ),
    "no_cluster": (
        {"namespace": "n"},
        {"environ": {}},
        f"kubernetes_conn_id: connection 'no_cluster' names no cluster, and this is no pod of one; {NONE}",
    ),
    "no_connection": (
        None,
        {"kubernetes_conn_id": "nobody_made_it"},
        "kubernetes_conn_id: there is no connection 'nobody_made_it'; make it, of type kubernetes",
    ),
    "no_default": (
        None,
        {"kubernetes_conn_id": "kubernetes_default", "environ": {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}},
        ["in-cluster", None, None, ""],
    ),
    "not_verified": (
        {"in_cluster": True, "disable_verify_ssl": "true"},
        {},
        "kubernetes_conn_id: connection 'not_verified' says disable_verify_ssl, which dagset does not take; "
        "have its kubeconfig say insecure-skip-tls-verify: true of the cluster",
    ),
    "not_kept_alive": (
        {"in_cluster": True, "disable_tcp_keepalive": True},
        {},
        "kubernetes_conn_id: connection 'not_kept_alive' says disable_tcp_keepalive, which dagset does not take; "
        "remove it: dagset's connections are always kept alive",
    ),
    "context_of_none": (
        None,
        {"in_cluster": True, "cluster_context": "c"},
        "cluster_context: 'c' is a context of no kubeconfig; remove it, or give config_file",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_cluster_is_the_one_that_arguments_or_connection_name(probe, case):
    assert CASES[case][2] == probe["wheres"][case]


def test_what_shows_of_a_place_holds_no_kubeconfig(probe):
    assert "Where(name=None, context='c', namespace='n')" == probe["where_with_a_secret"]
