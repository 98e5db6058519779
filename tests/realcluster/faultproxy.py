"""A proxy before the real API server that lets one request fail, before it reaches the server or after."""

import contextlib
import http.server
import json
import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import urllib3

from dagset.cluster.access import Access, read_kubeconfig
from dagset.cluster.kube import KubeCluster

FAULTS = {
    "500": (500, {"reason": "InternalError", "message": "etcdserver: leader changed"}, {}),
    "429": (429, {"reason": "TooManyRequests", "message": "too many requests, try again"}, {"Retry-After": "1"}),
    "reset": None,
}
HOP = {"connection", "content-length", "transfer-encoding", "host"}


@dataclass
class Proxy:
    """`fail(n)` lets the n-th request from now, from 0, fail; `hit` says whether it came to that."""

    cluster: KubeCluster
    count: int = 0
    number: int = -1
    how: str = ""
    when: str = ""
    hit: bool = False

    def fail(self, number: int, *, how: str, when: str) -> None:
        self.count, self.number, self.how, self.when, self.hit = 0, number, how, when, False

    def is_next(self) -> bool:
        is_it = self.count == self.number
        self.hit, self.count = self.hit or is_it, self.count + 1
        return is_it


@contextlib.contextmanager
def fault_proxy(kubeconfig: Path, *, namespace: str) -> Iterator[Proxy]:
    """A proxy and a cluster that goes through it, as the kubeconfig's user."""
    access = read_kubeconfig(kubeconfig)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    address = f"http://127.0.0.1:{server.server_port}"
    proxy = Proxy(KubeCluster(Access(server=address, describe="fault proxy", namespace=namespace)))
    server.RequestHandlerClass = _handler(proxy, access)
    with served(server):
        yield proxy


@contextlib.contextmanager
def served(server: http.server.ThreadingHTTPServer) -> Iterator[None]:
    """Have a server answer, in a thread, for as long as the block runs."""
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(proxy: Proxy, access: Access) -> type[http.server.BaseHTTPRequestHandler]:
    pool = urllib3.PoolManager(ssl_context=access.tls)

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            fails = proxy.is_next()
            if not (fails and proxy.when == "before"):
                headers = {key: value for key, value in self.headers.items() if key.lower() not in HOP}
                if authorization := access.authorization():
                    headers["Authorization"] = authorization
                url = access.server + self.path
                told = pool.request(self.command, url, body=body or None, headers=headers, retries=False)
            if not fails:
                self._answer(told.status, told.data, {"Content-Type": told.headers.get("Content-Type", "")})
            elif fault := FAULTS[proxy.how]:
                code, status, headers = fault
                self._answer(code, json.dumps({"kind": "Status", "code": code, **status}).encode(), headers)
            else:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.close_connection = True

        do_POST = do_PATCH = do_DELETE = do_GET

        def _answer(self, code: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(code)
            for key, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words: object) -> None:
            """Say nothing."""

    return Handler
