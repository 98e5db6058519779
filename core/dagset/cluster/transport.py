"""The thin part that really sends: a connection pool, one request, one stream."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from email.utils import parsedate_to_datetime
from typing import Any, Generic, TypeVar

import msgspec
import urllib3
from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError, LocationValueError, NewConnectionError, ProxyError, ReadTimeoutError, SSLError

from dagset.cluster import answers
from dagset.cluster.access import Access
from dagset.cluster.protocol import Manifest
from dagset.cluster.wire import Request
from dagset.errors import ClusterRefused, ClusterUnreachable, DagsetError

__all__ = ["HttpStream", "Transport"]

T = TypeVar("T")
CONNECT_S = 10.0
ANSWER_S = 65.0  # the real server gives up on a request after 60 s (kube-apiserver --request-timeout)
TRUST = "the kubeconfig's certificate-authority has to be the one that signed it (is a proxy between?)"
PIECE_BYTES = 64 * 1024
KEPT_CONNECTIONS = 256  # more may be open at once; so many are kept for the next request


class Transport:
    """Sends requests to one server, from any number of threads. Repeats nothing, follows no redirect."""

    def __init__(self, access: Access, *, revive: Callable[[], None] | None = None) -> None:
        """Open nothing yet. `revive` is called when nobody listens, and the request is sent once more then."""
        self._access, self._revive = access, revive
        self._server_ahead_s = time.time() - time.monotonic()
        with _weather("connect", access.server):
            self._pool = _pool(access)

    def now(self) -> float:
        """Return the time by the server's clock, counted on by ours since its last answer."""
        return time.monotonic() + self._server_ahead_s

    def answer(self, request: Request) -> Manifest:
        """Return the decoded body of a success; raise what any other answer, or none, means."""
        with _weather(request.what, self._access.server):
            response = self._send(request, silence_s=ANSWER_S)
            return answers.answer(response.status, response.headers, response.read(), what=request.what)

    def open(self, request: Request, *, silence_s: float | None) -> urllib3.BaseHTTPResponse:
        """Return a response that is a success and whose body is still to be read; it waits so long for each piece."""
        with _weather(request.what, self._access.server):
            response = self._send(request, silence_s=silence_s)
            if not 200 <= response.status < 300:
                answers.answer(response.status, response.headers, response.read(), what=request.what)
            return response

    def _send(self, request: Request, *, silence_s: float | None) -> urllib3.BaseHTTPResponse:
        try:
            return self._send_once(request, silence_s=silence_s)
        except NewConnectionError:  # nothing was sent, so nothing can be doubled
            if self._revive is None:
                raise
        self._revive()
        return self._send_once(request, silence_s=silence_s)

    def _send_once(self, request: Request, *, silence_s: float | None) -> urllib3.BaseHTTPResponse:
        headers = {"Accept": "application/json", "User-Agent": "dagset"}
        if request.body is not None:
            headers["Content-Type"] = request.content_type
        authorization = self._access.authorization()
        response = self._pool.request(
            request.method,
            self._access.server + request.target,
            body=None if request.body is None else msgspec.json.encode(request.body),
            headers={**headers, "Authorization": authorization} if authorization else headers,
            timeout=urllib3.Timeout(connect=CONNECT_S, read=silence_s),
            preload_content=False,
            retries=False,
            redirect=False,
        )
        self._read_clock(response.headers.get("Date", ""))
        return response

    def _read_clock(self, date: str) -> None:
        """Take note of the server's time (RFC 9110 6.6.1): our clock may be wrong, and stands still while we sleep."""
        with suppress(ValueError):
            self._server_ahead_s = parsedate_to_datetime(date).timestamp() - time.monotonic()


class HttpStream(Generic[T]):
    """A `Stream` over an open response, or over one that `source` opens when the first item is asked for."""

    def __init__(
        self,
        source: urllib3.BaseHTTPResponse | Callable[[], urllib3.BaseHTTPResponse],
        decode: Callable[[Iterator[bytes]], Iterator[T]],
        *,
        what: str,
        silence_is_the_end: bool = False,
    ) -> None:
        self._source, self._decode, self._what = source, decode, what
        self._silence_is_the_end = silence_is_the_end
        self._response = None if callable(source) else source
        self._closed, self._reading = False, threading.Lock()
        self._items = self._read()

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        with self._reading:
            return next(self._items)

    def close(self) -> None:
        """See `Stream.close`: wakes a thread that is waiting for the next item."""
        self._closed = True
        if self._response is not None:
            with suppress(ValueError, RuntimeError, OSError):  # already read to its end, or closed
                self._response.shutdown()
        if self._reading.acquire(blocking=False):  # nobody reads, so nobody else would let go of the connection
            self._items.close()
            if self._response is not None:
                self._response.close()
            self._reading.release()

    def _read(self) -> Generator[T]:
        try:
            if not self._closed:
                self._response = self._source() if callable(self._source) else self._source
                with _weather(self._what, "the stream was cut"):
                    if not self._closed:
                        yield from self._decode(self._response.stream(PIECE_BYTES))
        except ClusterUnreachable as error:
            silent = self._silence_is_the_end and isinstance(error.__cause__, ReadTimeoutError)
            if not self._closed and not silent:
                raise
        finally:
            if self._response is not None:
                self._response.close()


@contextmanager
def _weather(what: str, where: str) -> Generator[None]:
    """Turn the HTTP library's errors into ours; its own texts repeat host and port, so only the reason is kept."""
    try:
        yield
    except (HTTPError, OSError) as error:
        cause = error.args[0] if isinstance(error, SSLError) and error.args else error
        if isinstance(cause, ssl.SSLCertVerificationError):
            text = f"{what}: {where}: its certificate is not trusted: {cause.verify_message}; {TRUST}"
            raise ClusterRefused(text, reason="CertificateNotTrusted") from error
        if isinstance(error, LocationValueError):
            raise DagsetError(f"{what}: {where}: {error}") from error
        raise ClusterUnreachable(f"{what}: {where}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """Return the innermost text: `Connection refused` rather than a pool's description around it."""
    if isinstance(error, ProxyError):
        return f"its proxy: {_reason(error.original_error)}"
    while error.__cause__ or error.__context__:
        inner = error.__cause__ or error.__context__
        if not isinstance(inner, OSError):
            break
        error = inner
    words = error.strerror if isinstance(error, OSError) else ""
    return words or str(error) or type(error).__name__


def _pool(access: Access) -> urllib3.PoolManager:
    words: dict[str, Any] = {
        "num_pools": 4,
        "maxsize": KEPT_CONNECTIONS,
        "ssl_context": access.tls,
        "server_hostname": access.server_name,
        "socket_options": [*HTTPConnection.default_socket_options, *_keep_alive()],
    }
    if access.tls is not None and access.tls.verify_mode is ssl.CERT_NONE:
        words["cert_reqs"] = ssl.CERT_NONE
    if not access.proxy:
        return urllib3.PoolManager(**words)
    user = urllib3.util.parse_url(access.proxy).auth
    proxy_headers = urllib3.make_headers(proxy_basic_auth=user) if user else None
    return urllib3.ProxyManager(access.proxy, proxy_headers=proxy_headers, **words)


def _keep_alive() -> list[tuple[int, int, int]]:
    """Return socket options by which a dead peer is noticed after 90 s of silence (Linux; elsewhere what there is)."""
    wanted = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 6}
    tcp = [(socket.IPPROTO_TCP, getattr(socket, name), s) for name, s in wanted.items() if hasattr(socket, name)]
    return [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1), *tcp]
