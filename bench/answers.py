"""A source of numbers over HTTP, in a process of its own: answers 0.99, and counts."""

from __future__ import annotations

import asyncio
from multiprocessing.connection import Connection

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\n0.99"


class Answers(asyncio.Protocol):
    """Answers each request with the same number, without looking at it."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        assert isinstance(transport, asyncio.Transport), "made by create_server"
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer as many requests as came."""
        self._transport.write(ANSWER * data.count(b"\r\n\r\n"))


def main(pipe: Connection) -> None:
    """Serve on a free loopback port until the pipe says something, or breaks."""
    asyncio.run(_serve(pipe))


async def _serve(pipe: Connection) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Answers, "127.0.0.1", 0)
    pipe.send(server.sockets[0].getsockname()[1])
    done: asyncio.Future[None] = loop.create_future()
    loop.add_reader(pipe.fileno(), lambda: done.done() or done.set_result(None))
    await done
    server.close()
