"""Our own signature checks against a library's, on keys and messages that neither chose."""

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, derive_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.evidence import keys, published
from headwater.evidence.curves import ed25519_holds, es256_holds, on_p256

SEEDS, MESSAGES = st.binary(min_size=32, max_size=32), st.binary(max_size=300)
ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@settings(max_examples=40)
@given(SEEDS, MESSAGES, st.integers(0, 511), st.integers(0, 255))
def test_an_ed25519_signature_holds_and_no_changed_bit_of_it_or_its_key_does(seed, message, bit, key_bit):
    key = Ed25519PrivateKey.from_private_bytes(seed)
    public, signature = keys.raw(key.public_key()), key.sign(message)
    assert ed25519_holds(public, signature, message)
    assert not ed25519_holds(public, _flipped(signature, bit), message)
    assert not ed25519_holds(_flipped(public, key_bit), signature, message)
    assert not ed25519_holds(public, signature, message + b"\x00")


@settings(max_examples=40)
@given(st.integers(1, P256_ORDER - 1), MESSAGES, st.integers(0, 511))
def test_an_es256_signature_holds_and_no_changed_bit_of_it_does(secret, message, bit):
    key = derive_private_key(secret, SECP256R1())
    r, s = decode_dss_signature(key.sign(message, ECDSA(SHA256())))
    signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    point = key.public_key().public_numbers()
    assert es256_holds(point.x, point.y, signature, message)
    assert not es256_holds(point.x, point.y, _flipped(signature, bit), message)
    assert not es256_holds(point.x, point.y, signature, message + b"\x00")


def test_a_second_form_of_the_same_ed25519_signature_is_refused():
    key = Ed25519PrivateKey.generate()
    signature = key.sign(b"words")
    again = int.from_bytes(signature[32:], "little") + ED25519_ORDER
    public = keys.raw(key.public_key())
    assert not ed25519_holds(public, signature[:32] + again.to_bytes(32, "little"), b"words")


def test_keys_and_signatures_of_no_use_are_refused_without_an_error():
    assert not ed25519_holds(b"\xff" * 32, b"\x00" * 64, b"")
    assert not ed25519_holds(b"", b"", b"")
    assert not ed25519_holds(b"\x02" + b"\x00" * 31, b"\x00" * 64, b"")
    assert not es256_holds(0, 0, b"\x01" * 64, b"")
    key = derive_private_key(7, SECP256R1()).public_key().public_numbers()
    for r, s in ((0, 1), (1, 0), (P256_ORDER, 1), (1, P256_ORDER)):
        assert not es256_holds(key.x, key.y, r.to_bytes(32, "big") + s.to_bytes(32, "big"), b"")


def test_the_keys_that_lie_on_the_base_point_and_opposite_to_it_are_handled():
    # Adding a point to itself or to its opposite is where hurried formulas fail.
    for secret in (1, P256_ORDER - 1, 2, P256_ORDER - 2):
        key = derive_private_key(secret, SECP256R1())
        point = key.public_key().public_numbers()
        assert on_p256(point.x, point.y)
        for message in (b"", b"one", b"two"):
            r, s = decode_dss_signature(key.sign(message, ECDSA(SHA256())))
            assert es256_holds(point.x, point.y, r.to_bytes(32, "big") + s.to_bytes(32, "big"), message)


def test_a_key_in_pem_reads_back_and_is_the_pem_that_the_library_writes():
    key = Ed25519PrivateKey.generate().public_key()
    assert published.from_pem(b"custodian's key\n" + keys.pem(key)) == keys.raw(key)
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    assert key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo) == keys.pem(key)


def _flipped(octets: bytes, bit: int) -> bytes:
    changed = bytearray(octets)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)
