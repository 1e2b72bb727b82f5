import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import uvicorn

from headwater.site import bounded_http
from headwater.site.bounded_http import HEAD_OCTETS, BoundedHttp
from tests.product import free_ports

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def echo_length(scope: Any, receive: Any, send: Any) -> None:
    """Answer with the length of the body."""
    del scope
    length, more = 0, True
    while more:
        message = await receive()
        length += len(message.get("body", b""))
        more = message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(length).encode()})


def talk(protocol: type[BoundedHttp], conversation: Talk) -> None:
    """Run a server with ``protocol`` on loopback and hold the conversation with it."""
    (port,) = free_ports(1)

    async def run() -> None:
        config = uvicorn.Config(
            echo_length, host="127.0.0.1", port=port, http=protocol, ws="none", lifespan="off", log_config=None
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110 - uvicorn offers a flag, not an event
            await asyncio.sleep(0.01)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            async with asyncio.timeout(10):
                await conversation(reader, writer)
        finally:
            writer.close()
            server.should_exit = True
            await serving

    asyncio.run(run())


class Impatient(BoundedHttp):
    head_s = 0.3


def test_a_head_without_end_is_refused_before_it_fills_the_memory() -> None:
    async def conversation(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"GET / HTTP/1.1\r\nX-Long: ")
        sent = 0
        try:
            while sent < 50_000_000:
                writer.write(b"a" * 65_536)
                sent += 65_536
                await writer.drain()
        except ConnectionError:
            pass
        assert sent < 50_000_000

    talk(BoundedHttp, conversation)


@pytest.mark.parametrize("part", [b"GET /%b", b"GET / HTTP/1.1\r\nX: %b"])
def test_a_head_that_is_too_large_gets_400(part: bytes) -> None:
    async def conversation(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        octets = part % (b"a" * HEAD_OCTETS)
        for start in range(0, len(octets), 16_384):
            writer.write(octets[start : start + 16_384])
            await asyncio.sleep(0)
        assert b"400" in await reader.readline()

    talk(BoundedHttp, conversation)


def test_a_head_that_stands_still_is_given_up() -> None:
    async def conversation(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n")
        assert b"400" in await reader.readline()

    talk(Impatient, conversation)


def test_a_head_in_drops_is_given_up_at_the_same_time() -> None:
    async def conversation(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def drip() -> None:
            for octet in b"GET / HTTP/1.1\r\nX-Slow: " + b"a" * 1_000:
                writer.write(bytes([octet]))
                await asyncio.sleep(0.02)

        dripping = asyncio.create_task(drip())
        line = await reader.readline()
        dripping.cancel()
        assert b"400" in line

    talk(Impatient, conversation)


def test_a_body_larger_and_slower_than_any_head_goes_through() -> None:
    async def conversation(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        body = b"a" * HEAD_OCTETS * 3
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body))
        for start in range(0, len(body), HEAD_OCTETS):
            await asyncio.sleep(0.2)
            writer.write(body[start : start + HEAD_OCTETS])
        assert b"200" in await reader.readline()
        assert str(len(body)).encode() in await reader.read(1_000)

    talk(Impatient, conversation)


def test_the_last_octets_of_a_large_body_are_not_taken_for_a_head() -> None:
    async def conversation(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        body = b"a" * HEAD_OCTETS * 3
        for _time in range(3):
            writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body))
            await asyncio.sleep(0.1)
            writer.write(body)
            assert b"200" in await reader.readuntil(b"\r\n\r\n")
            assert str(len(body)).encode() in await reader.readuntil(b"0\r\n\r\n")

    talk(Impatient, conversation)


def test_many_requests_on_one_connection_are_each_counted_from_nought() -> None:
    async def conversation(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * (HEAD_OCTETS // 2) + b"\r\n\r\n"
        for _time in range(5):
            writer.write(head)
            assert b"200" in await reader.readuntil(b"\r\n\r\n")
            await reader.readuntil(b"0\r\n\r\n")
            await asyncio.sleep(0.1)

    talk(Impatient, conversation)


def test_requests_sent_ahead_are_answered_in_their_order() -> None:
    async def conversation(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        one = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b"
        writer.write(b"".join(one % (length, b"b" * length) for length in (1, 2, 3)))
        for length in (b"1", b"2", b"3"):
            assert b"200" in await reader.readuntil(b"\r\n\r\n")
            assert length in await reader.readuntil(b"0\r\n\r\n")

    talk(BoundedHttp, conversation)


def test_the_bounds_are_what_the_documents_say() -> None:
    assert (bounded_http.HEAD_OCTETS, BoundedHttp.head_s) == (65_536, 15.0)


def test_an_answer_leaves_at_once_on_a_socket_that_was_bound_for_the_server() -> None:
    waits: list[int] = []

    class Watched(BoundedHttp):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            waits.append(transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    async def run() -> None:
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))
            server = uvicorn.Server(
                uvicorn.Config(echo_length, http=Watched, ws="none", lifespan="off", log_config=None)
            )
            serving = asyncio.create_task(server.serve(sockets=[bound]))
            while not server.started:  # noqa: ASYNC110 - uvicorn offers a flag, not an event
                await asyncio.sleep(0.01)
            reader, writer = await asyncio.open_connection(*bound.getsockname())
            writer.write(b"GET / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")
            assert (await reader.read()).startswith(b"HTTP/1.1 200")
            writer.close()
            server.should_exit = True
            await serving

    asyncio.run(run())
    assert waits == [1]
