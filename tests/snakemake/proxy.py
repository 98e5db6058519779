"""An API server that counts what it is asked, and lets some of it fail; behind it is a true one, watches included."""

import contextlib
import http.server
import json
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import urllib3
import yaml

from dagset.cluster.access import Access, read_kubeconfig
from tests.realcluster.faultproxy import HOP, served

STATUS = {500: "InternalError", 404: "NotFound", 410: "Expired", 429: "TooManyRequests"}
RESET = "reset"


@dataclass
class Proxy:
    """`fault` is asked with each request's method, path and number, from 0; it says a status, `reset`, or None."""

    kubeconfig: Path
    fault: Callable[[str, str, int], int | str | None] = lambda _method, _path, _number: None
    asked: Counter[str] = field(default_factory=Counter)
    failed: Counter[int | str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next(self, method: str, path: str) -> int | str | None:
        with self.lock:
            number = self.asked.total()
            kind = path.partition("?")[0].rstrip("/").rsplit("/namespaces/", 1)[-1].split("/")[1:2]
            self.asked[f"{'WATCH' if 'watch=' in path else method} {'/'.join(kind) or path}"] += 1
            how = self.fault(method, path, number)
            self.failed.update([] if how is None else [how])
            return how


@contextlib.contextmanager
def proxied(kubeconfig: Path, folder: Path) -> Iterator[Proxy]:
    """A proxy before the server of this kubeconfig, and a kubeconfig in the folder that goes through it."""
    access = read_kubeconfig(kubeconfig)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    server.daemon_threads, server.block_on_close = True, False
    server.handle_error = lambda *_words: None  # who has asked may be gone
    proxy = Proxy(folder / "proxied.kubeconfig")
    address = f"http://127.0.0.1:{server.server_port}"
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "proxy",
        "contexts": [{"name": "proxy", "context": {"cluster": "proxy", "user": "proxy"}}],
        "clusters": [{"name": "proxy", "cluster": {"server": address}}],
        "users": [{"name": "proxy", "user": {}}],
    }
    proxy.kubeconfig.write_text(yaml.safe_dump(config))
    server.RequestHandlerClass = _handler(proxy, access)
    with served(server):
        yield proxy


def _handler(proxy: Proxy, access: Access) -> type[http.server.BaseHTTPRequestHandler]:
    pool = urllib3.PoolManager(ssl_context=access.tls, maxsize=64)

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 65536  # header and body in one write, or Nagle waits

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            how = proxy.next(self.command, self.path)
            if how == RESET:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.close_connection = True
            elif isinstance(how, int):
                self._refuse(how)
            else:
                with contextlib.suppress(OSError, urllib3.exceptions.HTTPError):
                    self._pass(body)

        do_POST = do_PATCH = do_PUT = do_DELETE = do_GET

        def _refuse(self, code: int) -> None:
            status = {"kind": "Status", "status": "Failure", "code": code, "reason": STATUS[code], "message": "so told"}
            told = json.dumps(status).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        def _pass(self, body: bytes) -> None:
            headers = {key: value for key, value in self.headers.items() if key.lower() not in HOP}
            if authorization := access.authorization():
                headers["Authorization"] = authorization
            words = {"body": body or None, "headers": headers, "retries": False, "preload_content": False}
            told = pool.request(self.command, access.server + self.path, **words)
            try:
                self.send_response(told.status)
                self.send_header("Content-Type", told.headers.get("Content-Type", ""))
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                for some in told.stream(65536, decode_content=False):
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(some), some))
                    self.wfile.flush()
                self.wfile.write(b"0\r\n\r\n")
            finally:
                told.close()

        def log_message(self, *words: object) -> None:
            """Say nothing."""

    return Handler
