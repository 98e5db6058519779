"""A kubeconfig leads to a server, or to a sentence that says what to mend; never to a credential in a text."""

import base64
import ssl
import stat
import subprocess
import sys

import pytest
import yaml

from dagset.cluster.access import in_cluster, read_kubeconfig
from dagset.errors import DagsetError

SERVER = "https://10.0.0.1:6443"


@pytest.fixture
def write(tmp_path):
    """Write a kubeconfig of one cluster, one user and one context, with these words changed."""

    def written(*, cluster=None, user=None, context=None, **words):
        config = {
            "clusters": [{"name": "k", "cluster": {"server": SERVER, **(cluster or {})}}],
            "users": [{"name": "u", "user": user or {}}],
            "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u", **(context or {})}}],
            "current-context": "c",
            **words,
        }
        path = tmp_path / "kubeconfig"
        path.write_text(yaml.safe_dump(config))
        return path

    return written


def read(path, **words):
    return read_kubeconfig(path, environ={}, **words)


def test_context_says_server_and_namespace(write):
    access = read(write(context={"namespace": "ml"}))

    assert (SERVER, "https://10.0.0.1:6443 (context c)", "ml") == (access.server, access.describe, access.namespace)
    assert access.authorization() is None


def test_certificates_are_checked(write):
    assert ssl.CERT_REQUIRED == read(write()).tls.verify_mode


def test_users_own_word_switches_the_check_off_and_is_shown(write):
    access = read(write(cluster={"insecure-skip-tls-verify": True}))

    assert (ssl.CERT_NONE, f"{SERVER} (context c, NOT VERIFIED)") == (access.tls.verify_mode, access.describe)


def test_token_is_sent(write):
    assert "Bearer abc" == read(write(user={"token": "abc"})).authorization()


def test_token_file_is_read_again_for_each_request(write, tmp_path):
    access = read(write(user={"tokenFile": "token"}))
    (tmp_path / "token").write_text("one\n")
    first = access.authorization()
    (tmp_path / "token").write_text("two\n")

    assert ("Bearer one", "Bearer two") == (first, access.authorization())


def test_access_shows_no_token(write):
    assert "abc" not in repr(read(write(user={"token": "abc"})))


def test_proxy_of_the_file_wins(write):
    path = write(cluster={"proxy-url": "http://a:1"})

    assert "http://a:1" == read_kubeconfig(path, environ={"https_proxy": "http://b:2"}).proxy


def test_server_name_for_tls_is_kept(write):
    assert "k8s" == read(write(cluster={"tls-server-name": "k8s"})).server_name


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"current-context": "x"}, "there is no context 'x'; contexts in it: c"),
        ({"current-context": ""}, "there is no context ''; contexts in it: c"),
        ({"context": {"cluster": "x"}}, "there is no cluster 'x'; clusters in it: k"),
        ({"context": {"user": "x"}}, "there is no user 'x'; users in it: u"),
        ({"cluster": {"server": "10.0.0.1"}}, "server '10.0.0.1' is no http(s) address"),
        ({"user": {"as": "root"}}, "impersonation (as) is not supported"),
        ({"cluster": {"certificate-authority": "nosuch"}}, "a certificate or key in it cannot be used"),
        ({"cluster": {"certificate-authority-data": "bm8="}}, "a certificate or key in it cannot be used"),
        ({"user": {"client-certificate-data": "bm8="}}, "a certificate or key in it cannot be used"),
        ({"user": {"client-certificate-data": "!", "client-key-data": "!"}}, "a certificate or key in it cannot be"),
    ],
    ids=lambda value: value.split(";")[0] if isinstance(value, str) else "",
)
def test_file_that_leads_nowhere_says_why(write, words, message):
    path = write(**words)

    with pytest.raises(DagsetError) as caught:
        read(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "a: [token: secret", "\x00"], ids=["empty", "list", "broken", "binary"])
def test_file_that_is_no_kubeconfig_says_so_and_shows_nothing(tmp_path, text):
    (tmp_path / "kubeconfig").write_text(text)

    with pytest.raises(DagsetError, match="kubeconfig") as caught:
        read(tmp_path / "kubeconfig")
    assert "secret" not in str(caught.value)


PLUGIN = """#!{python}
import json
print(json.dumps({{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {status}}}))
"""


@pytest.fixture
def plugin(tmp_path):
    """Write a credential plugin that answers with this status."""

    def written(status):
        path = tmp_path / "plugin"
        path.write_text(PLUGIN.format(python=sys.executable, status=status))
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(path)}}

    return written


def test_plugin_is_asked_for_the_token(write, plugin):
    assert "Bearer from-a-plugin" == read(write(user=plugin({"token": "from-a-plugin"}))).authorization()


def test_plugin_without_an_answer_is_named(write, plugin, tmp_path):
    with pytest.raises(DagsetError, match=rf"{tmp_path}/plugin gave no credentials; run it by hand"):
        read(write(user=plugin({})))


def test_everyday_kubeconfig_needs_no_kubernetes_client(write):
    path = write(user={"token": "abc"})
    code = "import sys, pathlib; from dagset.cluster.kube import KubeCluster; KubeCluster(pathlib.Path(sys.argv[1]));"
    code += "print('kubernetes' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)

    assert "False\n" == told.stdout


@pytest.mark.parametrize("inline", [True, False], ids=["data", "files"])
def test_we_and_the_kubernetes_client_read_the_same(local_cluster, tmp_path, inline):
    from kubernetes.client import Configuration
    from kubernetes.config import load_kube_config

    config = yaml.safe_load(local_cluster.read_text())
    cluster = config["clusters"][0]["cluster"]
    if not inline and "certificate-authority-data" in cluster:
        (tmp_path / "ca.crt").write_bytes(base64.b64decode(cluster.pop("certificate-authority-data")))
        cluster["certificate-authority"] = "ca.crt"
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    theirs, ours = Configuration(), read(path)
    load_kube_config(config_file=str(path), client_configuration=theirs)
    authority = ssl.create_default_context(cafile=theirs.ssl_ca_cert)

    assert (theirs.host, authority.get_ca_certs()) == (ours.server, ours.tls.get_ca_certs())
    assert [setting["value"] for setting in theirs.auth_settings().values()] == [ours.authorization()]


def test_pod_finds_its_own_cluster(tmp_path, local_cluster):
    cluster = yaml.safe_load(local_cluster.read_text())["clusters"][0]["cluster"]
    (tmp_path / "ca.crt").write_bytes(base64.b64decode(cluster["certificate-authority-data"]))
    (tmp_path / "token").write_text("abc\n")
    (tmp_path / "namespace").write_text("ml\n")
    environ = {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "6443"}
    access = in_cluster(environ=environ, mounted=tmp_path)

    assert ("https://[fd00::1]:6443", "ml", "Bearer abc") == (access.server, access.namespace, access.authorization())
