"""Proxies are chosen as kubectl chooses them."""

import pytest

from dagset.cluster.proxies import proxy_for

PROXY = "http://proxy:3128"


@pytest.mark.parametrize(
    ("server", "environ", "expected"),
    [
        pytest.param("https://k8s:6443", {}, None, id="none-set"),
        pytest.param("https://k8s:6443", {"HTTPS_PROXY": PROXY}, PROXY, id="upper-case"),
        pytest.param("https://k8s:6443", {"https_proxy": "proxy:3128"}, PROXY, id="without-a-scheme"),
        pytest.param("https://k8s:6443", {"http_proxy": PROXY}, None, id="of-the-other-scheme"),
        pytest.param("http://k8s:8080", {"http_proxy": PROXY}, PROXY, id="plain"),
        pytest.param("https://127.0.0.1:6443", {"https_proxy": PROXY}, None, id="loopback"),
        pytest.param("https://localhost:6443", {"https_proxy": PROXY}, None, id="localhost"),
        pytest.param("https://[::1]:6443", {"https_proxy": PROXY}, None, id="loopback-6"),
        pytest.param("https://a.corp:6443", {"https_proxy": PROXY, "no_proxy": "x, corp"}, None, id="domain"),
        pytest.param("https://a.corp:6443", {"https_proxy": PROXY, "NO_PROXY": ".corp"}, None, id="dotted-domain"),
        pytest.param("https://a.corp:6443", {"https_proxy": PROXY, "NO_PROXY": "*.corp"}, None, id="starred-domain"),
        pytest.param("https://acorp:6443", {"https_proxy": PROXY, "no_proxy": "corp"}, PROXY, id="only-a-tail"),
        pytest.param("https://a.corp:6443", {"https_proxy": PROXY, "no_proxy": "a.corp:6443"}, None, id="port"),
        pytest.param("https://a.corp:6443", {"https_proxy": PROXY, "no_proxy": "a.corp:443"}, PROXY, id="other-port"),
        pytest.param("https://10.1.2.3", {"https_proxy": PROXY, "no_proxy": "10.0.0.0/8"}, None, id="block"),
        pytest.param("https://10.1.2.3", {"https_proxy": PROXY, "no_proxy": "10.1.2.3"}, None, id="address"),
        pytest.param("https://11.1.2.3", {"https_proxy": PROXY, "no_proxy": "10.0.0.0/8,x/y"}, PROXY, id="no-block"),
        pytest.param("https://k8s", {"https_proxy": PROXY, "no_proxy": "*"}, None, id="star"),
    ],
)
def test_proxy(server, environ, expected):
    assert expected == proxy_for(server, environ=environ)
