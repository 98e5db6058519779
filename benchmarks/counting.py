"""A proxy that ends TLS, passes everything on, and counts connections and requests: alike for every client."""

import asyncio
import re
import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import yaml

__all__ = ["CountingProxy"]

REQUEST = re.compile(rb"(?:GET|POST|PUT|PATCH|DELETE) \S+ HTTP/1\.1\r\n")
PIECE = 65536


@dataclass
class CountingProxy:
    """Serves a local cluster's kubeconfig once more, at a port of its own, in a thread of this process."""

    kubeconfig: Path
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
        config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{self._port}"
        path.touch(0o600)
        path.write_text(yaml.safe_dump(config))
        return path

    async def _serve(self, began: threading.Event) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ours.load_cert_chain(self.kubeconfig.parent / "server.crt", self.kubeconfig.parent / "server.key")
        server = await asyncio.start_server(self._pass, "127.0.0.1", 0, ssl=ours)
        self._port = server.sockets[0].getsockname()[1]
        began.set()
        await self._over.wait()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        theirs = ssl.create_default_context(cafile=str(self.kubeconfig.parent / "ca.crt"))
        config = yaml.safe_load(self.kubeconfig.read_text())
        port = int(config["clusters"][0]["cluster"]["server"].rpartition(":")[2])
        with suppress(OSError, asyncio.CancelledError):  # the end of all is no news
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port, ssl=theirs)
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
