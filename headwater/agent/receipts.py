"""A signed receipt of the hub, checked at the carrier: JWS with Ed25519 (RFC 8037), kind ``headwater-receipt+jws``."""

import json
from typing import Any, Final

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from headwater.errors import Invalid

KIND: Final = "headwater-receipt+jws"
ALGORITHM: Final = "Ed25519"


class BadReceipt(Invalid):
    """The statement is no receipt that the key signed."""


def stated(statement: str, jwk: dict[str, Any]) -> dict[str, Any]:
    """Return what a receipt states.

    Raises:
        BadReceipt: the key did not sign it, or it is another kind of statement.
    """
    try:
        key = OKPKey.import_key({name: jwk[name] for name in ("crv", "kty", "x")})
        read = jws.deserialize_compact(statement.strip(), key, algorithms=[ALGORITHM])
        said = json.loads(read.payload or b"")
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise BadReceipt(f"the signature does not hold under that key: {error or type(error).__name__}") from error
    if read.headers().get("typ") != KIND or not isinstance(said, dict):
        raise BadReceipt(f"the statement is a {read.headers().get('typ')!r}, not a receipt")
    return said
