"""One attempt to post a webhook (Standard Webhooks 1.0), without letting whoever wrote its address choose where we go.

The name is resolved once and every answer must be a public address, unless the operator called the host their own;
the connection goes to that very address, with the name in SNI and Host. No proxy, no redirect, no cookie. At most
4 KiB of the answer are read; the whole exchange has 20 s.
"""

import contextlib
import ssl
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import httpx
from standardwebhooks import Webhook

from headwater.outbox.rules import Answer, Outcome, post_fault
from headwater.outbox.values import Sendable
from headwater.stir.resolving import NotPublic, Resolve, public_address, resolve_name

CONNECT_S: Final = 5.0
READ_S: Final = 15.0
TOTAL_S: Final = 20.0
MOST_ANSWER: Final = 4_096
_AGENT: Final = "Headwater-Webhooks/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Poster:
    """Posts webhooks."""

    internal_hosts: frozenset[str] = frozenset()
    resolve: Resolve = resolve_name
    context: ssl.SSLContext = field(default_factory=ssl.create_default_context)

    def post(self, message: Sendable, secrets: Sequence[bytes], *, now: datetime) -> Answer:
        """Post one message, signed with every secret that is valid now: two while one is being rotated."""
        if why := post_fault(message.address, internal_hosts=self.internal_hosts):
            return Answer(outcome=Outcome.REFUSED, text=f"Not sent: {why}.")
        url = httpx.URL(message.address)
        try:
            pinned = url.copy_with(host=self._address(url))
        except NotPublic as error:
            return Answer(outcome=Outcome.REFUSED, text=f"Not sent: {error}.")
        except OSError as error:
            return Answer(outcome=Outcome.LATER, text=str(error))
        headers = {"Host": url.netloc.decode("ascii"), **signed(message, secrets, now=now)}
        try:
            return self._exchange(pinned, url.host, headers, message.text.encode())
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return Answer(outcome=Outcome.LATER, text=f"{url.host} does not answer: {error or type(error).__name__}")

    def _exchange(self, pinned: httpx.URL, name: str, headers: dict[str, str], body: bytes) -> Answer:
        limits = httpx.Timeout(READ_S, connect=CONNECT_S)
        with httpx.Client(verify=self.context, trust_env=False, follow_redirects=False, timeout=limits) as client:
            request = client.build_request("POST", pinned, headers=headers, content=body)
            request.extensions["sni_hostname"] = name
            # A server that sends one octet a second would outlive any read timeout.
            cut = threading.Timer(TOTAL_S, client.close)
            cut.daemon = True
            cut.start()
            try:
                answer = client.send(request, stream=True)
                try:
                    return _judged(answer, _beginning(answer))
                finally:
                    answer.close()
            finally:
                cut.cancel()

    def _address(self, url: httpx.URL) -> str:
        port = url.port or (443 if url.scheme == "https" else 80)
        return public_address(url.host, port, resolve=self.resolve, internal=url.host in self.internal_hosts)


def signed(message: Sendable, secrets: Sequence[bytes], *, now: datetime) -> dict[str, str]:
    """Return the headers of a webhook: identifier, time and a signature by each secret, separated by blanks."""
    moment = now.astimezone(UTC)
    return {
        "Content-Type": "application/json",
        "User-Agent": _AGENT,
        "webhook-id": message.id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": " ".join(
            Webhook(secret).sign(msg_id=message.id, timestamp=moment, data=message.text) for secret in secrets
        ),
    }


def _beginning(answer: httpx.Response) -> str:
    """Return the beginning of what was answered, as far as it came in time: the status alone decides."""
    octets = bytearray()
    deadline = time.monotonic() + READ_S
    with contextlib.suppress(httpx.HTTPError, OSError):
        for piece in answer.iter_raw():
            octets += piece
            if len(octets) >= MOST_ANSWER or time.monotonic() > deadline:
                break
    return bytes(octets[:MOST_ANSWER]).decode("utf-8", "replace")


def _judged(answer: httpx.Response, text: str) -> Answer:
    said = f"HTTP {answer.status_code} {text}".strip()
    if answer.is_success:
        return Answer(outcome=Outcome.TAKEN, text=said)
    if answer.status_code == httpx.codes.GONE:
        return Answer(outcome=Outcome.GONE, text=said)
    seconds = answer.headers.get("Retry-After", "")
    wait = timedelta(seconds=int(seconds[:7])) if seconds.isascii() and seconds.isdigit() else None
    return Answer(outcome=Outcome.LATER, text=said, wait=wait)
