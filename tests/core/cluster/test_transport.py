"""What goes wrong on the wire, played by a server of a few lines on loopback."""

import socket
import ssl
import threading

import pytest

from dagset.cluster import wire
from dagset.cluster.access import Access
from dagset.cluster.kube import KubeCluster
from dagset.cluster.transport import HttpStream, Transport
from dagset.errors import ClusterRefused, ClusterUnreachable, DagsetError, Gone

LIST = b'{"apiVersion":"v1","items":null,"metadata":{"resourceVersion":"7"}}'
STREAM = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def whole(body, status=b"200 OK"):
    return b"HTTP/1.1 " + status + b"\r\nContent-Length: " + str(len(body)).encode() + b"\r\n\r\n" + body


def chunk(text):
    return f"{len(text):x}".encode() + b"\r\n" + text + b"\r\n"


class Server:
    """Answers one connection after another by the next of its replies, and keeps what it was sent."""

    def __init__(self, *replies, hold=False):
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._replies, self._hold, self.requests = replies, hold, []
        self.let_go = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    @property
    def cluster(self):
        return KubeCluster(self.access)

    @property
    def access(self):
        return Access(server=f"http://127.0.0.1:{self._socket.getsockname()[1]}", describe="test")

    def _serve(self):
        for reply in self._replies:
            connection, _ = self._socket.accept()
            with connection:
                self.requests.append(connection.recv(65536))
                connection.sendall(reply)
                if self._hold:
                    self.let_go.wait(30)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.let_go.set()
        self._thread.join()
        self._socket.close()


def list_pods(cluster):
    return cluster.list("Pod", namespace="ml", labels={})


def watch_pods(cluster):
    return cluster.watch("Pod", namespace="ml", labels={}, resource_version="1")


def test_empty_list_is_a_list():
    with Server(whole(LIST)) as server:
        listing = list_pods(server.cluster)

    assert ([], "7") == (listing.items, listing.resource_version)
    assert server.requests[0].startswith(b"GET /api/v1/namespaces/ml/pods HTTP/1.1\r\n")


def test_credentials_do_not_travel_over_plain_http(tmp_path):
    with Server(whole(LIST)) as server:
        path = tmp_path / "kubeconfig"
        path.write_text(
            f"clusters: [{{name: k, cluster: {{server: '{server.access.server}'}}}}]\n"
            "users: [{name: u, user: {token: secret}}]\n"
            "contexts: [{name: c, context: {cluster: k, user: u}}]\ncurrent-context: c\n"
        )
        list_pods(KubeCluster(path))

    assert b"secret" not in server.requests[0]


def test_nobody_there_is_weather_and_says_where():
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(ClusterUnreachable) as caught:
        list_pods(KubeCluster(Access(server=address, describe="test")))
    assert f"list Pods in ml: {address}: Connection refused" == str(caught.value)


@pytest.mark.parametrize("reply", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"], ids=["reset", "cut"])
def test_lost_answer_is_weather(reply):
    with Server(reply) as server, pytest.raises(ClusterUnreachable):
        list_pods(server.cluster)


def test_redirect_is_not_followed():
    reply = b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n"
    with Server(reply) as server, pytest.raises(ClusterRefused, match="Found"):
        list_pods(server.cluster)
    assert 1 == len(server.requests)


def test_no_address_is_an_error_for_a_person():
    with pytest.raises(DagsetError, match=r"http://\[bad"):
        list_pods(KubeCluster(Access(server="http://[bad", describe="test")))


def test_watch_that_is_refused_is_told_when_asked():
    reply = whole(b'{"kind":"Status","reason":"Expired","message":"too old"}', b"410 Gone")
    with Server(reply) as server, pytest.raises(Gone, match="too old"):
        watch_pods(server.cluster)


def test_watch_that_the_server_ends_just_ends():
    line = chunk(b'{"type":"ADDED","object":{"kind":"Pod"}}\n')
    with Server(STREAM + line + b"0\r\n\r\n") as server:
        assert ["ADDED"] == [event.verb for event in watch_pods(server.cluster)]


def test_watch_that_is_cut_is_weather():
    with Server(STREAM + chunk(b'{"type":"ADDED","object":{"kind":"Pod"}}\n')) as server:
        stream = watch_pods(server.cluster)
        assert "ADDED" == next(stream).verb
        with pytest.raises(ClusterUnreachable, match="the stream was cut"):
            next(stream)


def test_silent_stream_ends_when_silence_is_an_end():
    with Server(STREAM + chunk(b"T one\n"), hold=True) as server:
        response = Transport(server.access).open(wire.get("Pod", namespace="ml", name="p"), silence_s=0.2)
        stream = HttpStream(response, lambda pieces: pieces, what="x", silence_is_the_end=True)

        assert [b"T one\n"] == list(stream)


def test_line_is_there_as_soon_as_it_is_sent():
    with Server(STREAM + chunk(b"T one\nT tw"), hold=True) as server:
        stream = server.cluster.logs(namespace="ml", pod="p", follow=True)

        assert "T one" == next(stream)
        stream.close()
        assert [] == list(stream)


def test_stream_that_was_closed_before_it_was_read_asks_nothing():
    stream = KubeCluster(Access(server="http://127.0.0.1:1", describe="test")).logs(namespace="a", pod="p", follow=True)
    stream.close()

    assert [] == list(stream)


def test_open_stream_that_nobody_read_lets_go_of_its_connection():
    with Server(STREAM, hold=True) as server:
        response = Transport(server.access).open(wire.get("Pod", namespace="ml", name="p"), silence_s=20)
        stream = HttpStream(response, lambda pieces: pieces, what="x")
        stream.close()

        assert response.closed
        assert [] == list(stream)


def test_waiting_reader_is_woken_by_close():
    with Server(STREAM + chunk(b"T one\n"), hold=True) as server:
        stream = server.cluster.logs(namespace="ml", pod="p", follow=True)
        assert "T one" == next(stream)
        reader = threading.Thread(target=lambda: list(stream))
        reader.start()
        stream.close()
        reader.join(20)

        assert not reader.is_alive()


def through(proxy):
    return Access(server="https://k8s:6443", describe="test", proxy=proxy, tls=ssl.create_default_context())


def test_proxy_is_asked_for_the_way_with_its_own_credentials():
    with Server(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n") as proxy:
        address = proxy.access.server.replace("http://", "http://user:pass@")
        with pytest.raises(ClusterUnreachable, match=r"https://k8s:6443: its proxy: .*407") as caught:
            list_pods(KubeCluster(through(address)))

    assert proxy.requests[0].startswith(b"CONNECT k8s:6443 HTTP/1.")
    assert b"authorization: Basic dXNlcjpwYXNz" in proxy.requests[0]
    assert "pass" not in str(caught.value)


def test_proxy_of_another_kind_is_refused():
    with pytest.raises(DagsetError, match="unsupported scheme socks5"):
        KubeCluster(through("socks5://127.0.0.1:1"))
