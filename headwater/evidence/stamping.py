"""Asking an authority for a time stamp (RFC 3161) over a manifest: the one place where sealing meets a network.

The authority is the operator's choice (``HEADWATER_TSA_URL``); what it answers counts only if it chains to the root
that the operator named (``HEADWATER_TSA_ROOT``) and stamps what was asked. It sees a digest and nothing else.
"""

from pathlib import Path

import httpx
from asn1crypto import tsp
from cryptography import x509
from rfc3161_client import HashAlgorithm, TimestampRequestBuilder, VerificationError, VerifierBuilder
from rfc3161_client import decode_timestamp_response as decode

from headwater.errors import Unavailable
from headwater.evidence import stamp

#: An authority that takes longer is away: the sealing is tried again.
TIMEOUT_S = 10.0


def stamped(octets: bytes, *, url: str, root: Path) -> bytes:
    """Return the authority's response over the SHA-256 of ``octets``.

    Raises:
        Unavailable: the authority does not answer, or its answer does not hold; the sealing is to be tried again.
    """
    asked = TimestampRequestBuilder().data(octets).hash_algorithm(HashAlgorithm.SHA256).cert_request(cert_request=True)
    return ask(asked.nonce(nonce=True).build().as_bytes(), url=url, root=root)


def ask(request: bytes, *, url: str, root: Path) -> bytes:
    """Return the authority's response to a request in DER, judged: signed under ``root``, over what was asked, fresh.

    Raises:
        Unavailable: the authority does not answer, or its answer does not hold; the sealing is to be tried again.
    """
    try:
        authority = x509.load_pem_x509_certificate(root.read_bytes())
    except (OSError, ValueError) as error:
        message = f"the root of the time-stamp authority, {root}, cannot be read ({error}); see HEADWATER_TSA_ROOT"
        raise Unavailable(message) from error
    asked = tsp.TimeStampReq.load(request)
    answer = _post(url, request)
    try:
        judge = VerifierBuilder().add_root_certificate(authority).nonce(asked["nonce"].native).build()
        judge.verify(decode(answer), asked["message_imprint"]["hashed_message"].native)
        # Whoever opens the package reads it with our own reader: it must understand it too.
        stamp.read(answer)
    except (VerificationError, ValueError) as error:
        message = f"the time stamp from {url} does not hold ({error}); see HEADWATER_TSA_URL and HEADWATER_TSA_ROOT"
        raise Unavailable(message) from error
    return answer


def _post(url: str, body: bytes) -> bytes:
    headers = {"content-type": "application/timestamp-query", "accept": "application/timestamp-reply"}
    try:
        with (
            httpx.Client(timeout=TIMEOUT_S, follow_redirects=False, trust_env=False) as client,
            client.stream("POST", url, content=body, headers=headers) as response,
        ):
            response.raise_for_status()
            found = b""
            for piece in response.iter_bytes():
                found += piece
                if len(found) > stamp.LARGEST:
                    message = f"the answer of {url} is too long for a time stamp"
                    raise Unavailable(message)
            return found
    except httpx.HTTPError as error:
        message = f"the time-stamp authority {url} does not answer ({error}); the sealing is tried again"
        raise Unavailable(message) from error
