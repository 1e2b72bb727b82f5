import time
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from joserfc import jws, jwt
from joserfc.jwk import ECKey

from headwater.agent import keys
from headwater.errors import Conflict


def test_what_is_signed_verifies_under_the_public_key_that_is_printed(tmp_path):
    key = keys.create(tmp_path / "k.pem")
    public = ECKey.import_key({name: key.public_jwk[name] for name in ("kty", "crv", "x", "y")})
    assert not public.is_private
    signed = jws.deserialize_compact(keys.load(tmp_path / "k.pem").signed(b"words"), public, algorithms=["ES256"])
    assert (signed.payload, signed.headers()["kid"]) == (b"words", public.thumbprint())


def test_a_bearer_is_for_one_request_and_less_than_a_minute(tmp_path):
    key = keys.create(tmp_path / "k.pem")
    public = ECKey.import_key({name: key.public_jwk[name] for name in ("kty", "crv", "x", "y")})
    tokens = [key.bearer(issuer="709J", action="answers.write", body=b"b", now=datetime.now(UTC)) for _ in range(2)]
    claims, other = (jwt.decode(token, public, algorithms=["ES256"]).claims for token in tokens)
    assert (claims["iss"], claims["aud"], claims["action"]) == ("709J", "headwater", "answers.write")
    assert claims["body_sha256"] == sha256(b"b").hexdigest()
    assert abs(claims["iat"] - time.time()) < 5
    assert claims["exp"] - claims["iat"] < 60
    assert claims["jti"] != other["jti"]


def test_a_key_is_never_overwritten_and_never_readable_by_others(tmp_path):
    path = tmp_path / "k.pem"
    keys.create(path)
    assert path.stat().st_mode & 0o777 == 0o600
    before = path.read_bytes()
    with pytest.raises(Conflict):
        keys.create(path)
    assert path.read_bytes() == before
    path.chmod(0o640)
    with pytest.raises(keys.BadKey, match="chmod 600"):
        keys.load(path)


def pem(key):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"nonsense",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        pem(rsa.generate_private_key(65537, 2048)),
        pem(ec.generate_private_key(ec.SECP384R1())),
        ec.generate_private_key(ec.SECP256R1())
        .public_key()
        .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    ],
)
def test_anything_but_a_p256_private_key_is_refused_in_words(tmp_path, octets):
    path = tmp_path / "k.pem"
    path.write_bytes(octets)
    path.chmod(0o600)
    with pytest.raises(keys.BadKey, match=r"k\.pem"):
        keys.load(path)


def test_a_missing_key_file_is_said_with_the_command_that_makes_one(tmp_path):
    with pytest.raises(keys.BadKey, match="headwater agent key"):
        keys.load(tmp_path / "none.pem")
