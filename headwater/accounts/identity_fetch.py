"""Asking an organisation's identity provider, without letting its answers choose where we go.

The issuer is written by who manages accounts, but the other addresses come from the provider itself: each keeps the
same rules. HTTPS to a public address, but for hosts that the operator calls their own (``HEADWATER_IDENTITY_HOSTS``);
the name is resolved once and the connection goes to that very address; no proxy, no redirect, no cookie; ten seconds,
256 KiB.
"""

import threading
from collections.abc import Generator, Mapping
from typing import Any, Final

import httpx
import msgspec
from django.conf import settings

from headwater.errors import Unavailable
from headwater.outbox.rules import post_fault
from headwater.stir.resolving import NotPublic, public_address

CONNECT_S: Final = 3.0
TOTAL_S: Final = 10.0
MOST_OCTETS: Final = 262_144


class _Bearer(httpx.Auth):
    def __init__(self, token: str) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"Bearer {self._token}"
        yield request


def address_fault(address: str) -> str:
    """Return why ``address`` cannot be asked, by its text alone, or ""."""
    return post_fault(address, internal_hosts=settings.HEADWATER.identity_hosts)


def get_json(address: str, *, bearer: str = "") -> dict[str, Any]:
    """Return the JSON object at ``address``, shown the token ``bearer`` where one is given.

    Raises:
        Unavailable: It may not be asked, does not answer in time, or answers something else.
    """
    return _json(address, "GET", None, {"auth": _Bearer(bearer)} if bearer else {})


def post_form(address: str, form: Mapping[str, str], *, basic: tuple[str, str] | None) -> dict[str, Any]:
    """Send ``form`` to ``address`` and return the JSON object that it answers. Raises as ``get_json``."""
    return _json(address, "POST", dict(form), {"auth": basic} if basic else {})


def _json(address: str, method: str, form: dict[str, str] | None, more: dict[str, Any]) -> dict[str, Any]:
    try:
        octets = _exchange(address, method, form, more)
        found = msgspec.json.decode(octets, type=dict[str, Any])
    except (httpx.HTTPError, httpx.InvalidURL, OSError, NotPublic, msgspec.MsgspecError) as error:
        message = f"The identity provider at {address[:120]} does not answer as it should: {str(error)[:200]}"
        raise Unavailable(message) from error
    return found


def _exchange(address: str, method: str, form: dict[str, str] | None, more: dict[str, Any]) -> bytes:
    if why := address_fault(address):
        raise httpx.InvalidURL(why)
    url = httpx.URL(address)
    port = url.port or (443 if url.scheme == "https" else 80)
    dialled = public_address(url.host, port, internal=url.host in settings.HEADWATER.identity_hosts)
    headers = {"Host": url.netloc.decode("ascii"), "Accept": "application/json", "User-Agent": "Headwater/1"}
    limits = httpx.Timeout(TOTAL_S, connect=CONNECT_S)
    with httpx.Client(trust_env=False, follow_redirects=False, timeout=limits) as client:
        request = client.build_request(method, url.copy_with(host=dialled), headers=headers, data=form)
        request.extensions["sni_hostname"] = url.host
        # A server that sends one octet a second would outlive any read timeout.
        cut = threading.Timer(TOTAL_S, client.close)
        cut.daemon = True
        cut.start()
        try:
            return _read(client.send(request, stream=True, **more))
        finally:
            cut.cancel()


def _read(answer: httpx.Response) -> bytes:
    octets = bytearray()
    try:
        for piece in answer.iter_bytes():
            octets += piece
            if len(octets) > MOST_OCTETS:
                raise httpx.InvalidURL(f"its answer is longer than {MOST_OCTETS} octets")
    finally:
        answer.close()
    if answer.status_code != httpx.codes.OK:
        raise httpx.InvalidURL(f"HTTP {answer.status_code} {bytes(octets[:200]).decode('utf-8', 'replace')}")
    return bytes(octets)
