"""Forward connections from the machine into the cluster's network: `python relay.py FD PORT`.

FD is a listening socket that was made outside. A socket stays in the network namespace in which it was made, so
connections arrive there, while this process and the connections it opens to PORT on 127.0.0.1 are inside.
"""

import asyncio
import contextlib
import socket
import sys

_CHUNK = 1 << 16


async def forward(port: int, *, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    """One connection, until both sides have ended theirs or one broke; refused at once when nothing listens inside."""
    with contextlib.closing(sink):
        try:
            inner_source, inner_sink = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return
        with contextlib.closing(inner_sink):
            try:
                async with asyncio.TaskGroup() as both:
                    both.create_task(copy(source, to=inner_sink))
                    both.create_task(copy(inner_source, to=sink))
            except* OSError:
                pass  # a side that broke off takes the other along: no watch stays open for a client that is gone


async def copy(source: asyncio.StreamReader, *, to: asyncio.StreamWriter) -> None:
    """One direction; its end is passed on, so that a half-closed connection stays half-closed."""
    while data := await source.read(_CHUNK):
        to.write(data)
        await to.drain()
    to.write_eof()


async def main(listener: int, *, port: int) -> None:
    with socket.socket(fileno=listener) as outside:
        server = await asyncio.start_server(lambda r, w: forward(port, source=r, sink=w), sock=outside, backlog=256)
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), port=int(sys.argv[2])))
