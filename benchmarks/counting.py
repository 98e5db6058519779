"""A proxy that ends TLS, passes everything on, and counts connections and requests: alike for every client."""

import asyncio
import base64
import re
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit

import yaml

from dagset.cluster.access import read_kubeconfig
from dagset.local.tls import ensure_certificates, server_context

__all__ = ["CountingProxy"]

REQUEST = re.compile(rb"(?:GET|POST|PUT|PATCH|DELETE) \S+ HTTP/1\.1\r\n")
PIECE = 65536


@dataclass
class CountingProxy:
    """Serves the cluster of a kubeconfig once more, at a port of its own, in a thread of this process.

    A client's certificate ends here, so the kubeconfig's own is shown to the cluster; a token goes through.
    """

    kubeconfig: Path
    folder: Path  # for its certificates
    connections: int = 0
    requests: int = 0

    def __enter__(self) -> "CountingProxy":
        began = threading.Event()
        self._thread = threading.Thread(target=asyncio.run, args=(self._serve(began),), daemon=True)
        self._thread.start()
        began.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    def write(self, path: Path) -> Path:
        """Write the kubeconfig that leads here, and return where it is."""
        config = yaml.safe_load(self.kubeconfig.read_text())
        authority = base64.b64encode(self._certificates.ca.read_bytes()).decode()
        for each in config["clusters"]:
            server = f"https://127.0.0.1:{self._port}"
            each["cluster"] = {"server": server, "certificate-authority-data": authority}
        path.touch(0o600)
        path.write_text(yaml.safe_dump(config))
        return path

    async def _serve(self, began: threading.Event) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        self._access, self._certificates = read_kubeconfig(self.kubeconfig), ensure_certificates(self.folder)
        ours = server_context(self._certificates)
        server = await asyncio.start_server(self._pass, "127.0.0.1", 0, ssl=ours)
        self._port = server.sockets[0].getsockname()[1]
        began.set()
        await self._over.wait()
        server.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        far = urlsplit(self._access.server)
        with suppress(OSError, asyncio.CancelledError):  # the end of all is no news
            far_reader, far_writer = await asyncio.open_connection(far.hostname, far.port, ssl=self._access.tls)
            await asyncio.gather(self._copy(reader, far_writer, is_asked=True), self._copy(far_reader, writer))

    async def _copy(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_asked: bool = False
    ) -> None:
        with suppress(OSError):
            while piece := await reader.read(PIECE):
                self.requests += len(REQUEST.findall(piece)) if is_asked else 0
                writer.write(piece)
                await writer.drain()
        with suppress(OSError):
            writer.close()
