"""The ASGI application of the three web processes: Django behind a bound on bodies, and ``/healthz``."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from headwater.site.setup import django

django()

# Django must be ready before its application is made.
from asgiref.sync import sync_to_async  # noqa: E402 - see above
from django.core.asgi import get_asgi_application  # noqa: E402 - see above
from django.db import DatabaseError, connection  # noqa: E402 - see above

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

BODY_OCTETS = 64 * 1024 * 1024
"""The largest request body of any page or API of the web processes, in octets."""


class BodyTooLarge(Exception):
    """A body went past its bound while it was being read."""


def answers() -> bool:
    """Tell whether the database lets this process's role in and answers."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            return True
    except DatabaseError:
        return False
    finally:
        connection.close()


async def plain(send: Send, status: int, text: str) -> None:
    """Send a short answer in plain text."""
    body = text.encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class Application:
    """Passes requests to Django, which spools bodies to disk without a bound of its own."""

    def __init__(self) -> None:
        self.django: Any = get_asgi_application()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and scope["path"] == "/healthz":
            ready = await sync_to_async(answers)()
            await plain(send, 200 if ready else 503, "ready\n" if ready else "the database does not answer\n")
            return
        length = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        if length.isdigit() and int(length) > BODY_OCTETS:
            await plain(send, 413, f"The request is larger than {BODY_OCTETS} octets.\n")
            return
        await self._bounded(scope, receive, send)

    async def _bounded(self, scope: Message, receive: Receive, send: Send) -> None:
        seen = 0
        started = False

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > BODY_OCTETS:
                raise BodyTooLarge
            return message

        async def noted(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.django(scope, counted, noted)
        except BodyTooLarge:
            if not started:
                await plain(send, 413, f"The request is larger than {BODY_OCTETS} octets.\n")


app = Application()
