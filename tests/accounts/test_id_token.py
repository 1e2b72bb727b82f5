"""Identity tokens whose provider signs what it should not: refused, whatever the claims are."""

import json
from datetime import UTC, datetime

import pytest

from headwater.accounts import oidc
from headwater.errors import Unauthenticated
from tests.fuzz.targets.id_token import _CLAIMS, CLIENT, KEYS, NOW, PENDING, _signed


def judged(payload: bytes) -> oidc.Identity:
    return oidc.identity(CLIENT, oidc.verified_claims(CLIENT, KEYS, _signed(payload), now=NOW), PENDING)


def test_a_good_token_names_its_person_until_it_ends() -> None:
    found = judged(json.dumps(_CLAIMS).encode())
    assert (found.subject, found.email) == ("owen", "a@b.example")
    assert found.expires_at == datetime.fromtimestamp(_CLAIMS["exp"], UTC) + oidc.PATIENCE


@pytest.mark.parametrize("end", [b"1e300", b"NaN", b"Infinity", b"-1", b'"soon"', b"1e999"])
def test_a_token_that_ends_at_no_moment_is_refused(end: bytes) -> None:
    payload = json.dumps(_CLAIMS).encode().replace(str(_CLAIMS["exp"]).encode(), end, 1)
    with pytest.raises(Unauthenticated, match="how long it holds"):
        judged(payload)


def test_claims_that_are_nested_without_end_are_refused() -> None:
    with pytest.raises(Unauthenticated, match="not signed by your organisation"):
        judged(b"[" * 5_000)
