"""A way to a server on this machine that a test can cut or silence: bytes only, so that TLS goes through."""

import asyncio
import contextlib
import socket
import struct
import threading
from dataclasses import dataclass

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER with no time: the peer gets a reset instead of an end


@dataclass(eq=False)
class _Way:
    """One connection: towards the client and towards the server."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    muted: bool = False
    bytes_left: int | None = None

    def reset(self) -> None:
        for writer in (self.client, self.server):
            with contextlib.suppress(OSError):
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            writer.transport.abort()

    async def down(self, source: asyncio.StreamReader) -> None:
        """From the server to the client, as far as a test lets it."""
        while data := await source.read(1 << 16):
            if self.muted:
                continue
            self.client.write(data if self.bytes_left is None else data[: self.bytes_left])
            await self.client.drain()
            if self.bytes_left is not None:
                self.bytes_left = max(0, self.bytes_left - len(data))
                if self.bytes_left == 0:
                    self.reset()
        self.client.close()

    async def up(self, source: asyncio.StreamReader) -> None:
        while data := await source.read(1 << 16):
            self.server.write(data)
            await self.server.drain()
        self.server.close()


class Cutter:
    """Forwards connections to the server at this port; what a test does to them is done to those that are open."""

    def __init__(self, server: int) -> None:
        self._server = server
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self._listener.getsockname()[1]
        self._ways: set[_Way] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Cutter":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def cut(self, *, after_bytes: int = 0) -> None:
        """Reset every open connection: now, or once so many more bytes have come from the server."""

        def cut() -> None:
            for way in list(self._ways):
                if after_bytes:
                    way.bytes_left = after_bytes
                else:
                    way.reset()

        self._do(cut)

    def mute(self) -> None:
        """Let nothing more come from the server through the open connections, which stay open."""

        def mute() -> None:
            for way in self._ways:
                way.muted = True

        self._do(mute)

    def _do(self, action: object) -> None:
        async def act() -> None:
            action()  # type: ignore[operator]

        asyncio.run_coroutine_threadsafe(act(), self._loop).result(10)

    def _run(self) -> None:
        server = self._loop.run_until_complete(asyncio.start_server(self._forward, sock=self._listener))
        self._loop.run_forever()
        server.close()
        for way in list(self._ways):
            way.reset()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, OSError):
                self._loop.run_until_complete(task)
        self._loop.close()

    async def _forward(self, source: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        inner, server = await asyncio.open_connection("127.0.0.1", self._server)
        way = _Way(client, server)
        self._ways.add(way)
        try:
            await asyncio.gather(way.down(inner), way.up(source))
        except OSError:
            way.reset()
        finally:
            self._ways.discard(way)
