"""Checks Ed25519 (RFC 8032) and ECDSA on P-256 (FIPS 186-5) signatures with Python's standard library alone.

For the verifier that travels inside a package: whoever opens one years from now needs Python and nothing else. It only
checks public values, so nothing here has to run in constant time, and nothing here signs. A check costs some
milliseconds; where speed counts, use ``cryptography``.
"""

from hashlib import sha256, sha512

# -- Ed25519 (RFC 8032 section 5.1) --
_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_ROOT = pow(2, (_P - 1) // 4, _P)

# -- P-256 (SP 800-186 section 3.2.1.3) --
_Q = 2**256 - 2**224 + 2**192 + 2**96 - 1
_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
_G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)

#: Extended coordinates X, Y, Z, T with x = X/Z, y = Y/Z, xy = T/Z.
_Extended = tuple[int, int, int, int]
#: Jacobian coordinates X, Y, Z with x = X/Z^2, y = Y/Z^3; Z = 0 is the point at infinity.
_Jacobian = tuple[int, int, int]


def ed25519_holds(public: bytes, signature: bytes, message: bytes) -> bool:
    """Return whether ``signature`` (64 octets) over ``message`` is by the key ``public`` (32 octets).

    Strict: a scalar that is not reduced and a point that is not written in its one canonical form are refused, and R
    is compared octet by octet (RFC 8032 section 5.1.7, the form without the cofactor).
    """
    if len(public) != 32 or len(signature) != 64:
        return False
    key = _decompressed(public)
    scalar = int.from_bytes(signature[32:], "little")
    if key is None or scalar >= _L:
        return False
    challenge = int.from_bytes(sha512(signature[:32] + public + message).digest(), "little") % _L
    x, y, z, t = key
    minus_key = (-x % _P, y, z, -t % _P)
    return _compressed(_added(_times(scalar, _BASE), _times(challenge, minus_key))) == signature[:32]


def _decompressed(octets: bytes) -> _Extended | None:
    """Return the point of 32 octets, None where they are none (RFC 8032 section 5.1.3)."""
    value = int.from_bytes(octets, "little")
    sign, y = value >> 255, value & ((1 << 255) - 1)
    if y >= _P:
        return None
    u, v = (y * y - 1) % _P, (_D * y * y + 1) % _P
    x = u * pow(v, 3, _P) * pow(u * pow(v, 7, _P), (_P - 5) // 8, _P) % _P
    if v * x * x % _P == -u % _P:
        x = x * _ROOT % _P
    if v * x * x % _P != u or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = _P - x
    return x, y, 1, x * y % _P


def _compressed(point: _Extended) -> bytes:
    x, y, z, _ = point
    inverse = pow(z, -1, _P)
    x, y = x * inverse % _P, y * inverse % _P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _added(one: _Extended, two: _Extended) -> _Extended:
    """Return the sum; the formula is complete on this curve (RFC 8032 section 5.1.4), so it doubles as well."""
    a = (one[1] - one[0]) * (two[1] - two[0]) % _P
    b = (one[1] + one[0]) * (two[1] + two[0]) % _P
    c = 2 * one[3] * two[3] * _D % _P
    d = 2 * one[2] * two[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _times(scalar: int, point: _Extended) -> _Extended:
    total: _Extended = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            total = _added(total, point)
        point = _added(point, point)
        scalar >>= 1
    return total


def _base() -> _Extended:
    point = _decompressed((4 * pow(5, -1, _P) % _P).to_bytes(32, "little"))
    if point is None:
        message = "the base point of RFC 8032 is on the curve"
        raise ArithmeticError(message)
    return point


_BASE = _base()


def es256_holds(x: int, y: int, signature: bytes, message: bytes) -> bool:
    """Return whether ``signature``, r and s of 32 octets each (RFC 7518 section 3.4), is by the P-256 key (x, y)."""
    if len(signature) != 64 or not on_p256(x, y):
        return False
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    if not (0 < r < _N and 0 < s < _N):
        return False
    digest = int.from_bytes(sha256(message).digest(), "big")
    w = pow(s, -1, _N)
    total = _joined(digest * w % _N, r * w % _N, (x, y))
    if total[2] == 0:
        return False
    return total[0] * pow(total[2], -2, _Q) % _Q % _N == r


def on_p256(x: int, y: int) -> bool:
    """Return whether (x, y) is a point of P-256 in its one form."""
    return 0 <= x < _Q and 0 <= y < _Q and (y * y - (x * x * x - 3 * x + _B)) % _Q == 0


def _joined(a: int, b: int, key: tuple[int, int]) -> _Jacobian:
    """Return a times the base point plus b times ``key``, both scalars in one walk (Shamir's trick)."""
    base, other = (*_G, 1), (*key, 1)
    both = _sum(base, other)
    total: _Jacobian = (0, 1, 0)
    for bit in range(max(a.bit_length(), b.bit_length()) - 1, -1, -1):
        total = _doubled(total)
        which = (a >> bit & 1) | (b >> bit & 1) << 1
        if which:
            total = _sum(total, (base, other, both)[which - 1])
    return total


def _doubled(point: _Jacobian) -> _Jacobian:
    x, y, z = point
    if not z or not y:
        return 0, 1, 0
    square = y * y % _Q
    s = 4 * x * square % _Q
    m = 3 * (x - z * z) * (x + z * z) % _Q
    x3 = (m * m - 2 * s) % _Q
    return x3, (m * (s - x3) - 8 * square * square) % _Q, 2 * y * z % _Q


def _sum(one: _Jacobian, two: _Jacobian) -> _Jacobian:
    if not one[2]:
        return two
    if not two[2]:
        return one
    z1, z2 = one[2] * one[2] % _Q, two[2] * two[2] % _Q
    u1, u2 = one[0] * z2 % _Q, two[0] * z1 % _Q
    s1, s2 = one[1] * z2 * two[2] % _Q, two[1] * z1 * one[2] % _Q
    if u1 == u2:
        return _doubled(one) if s1 == s2 else (0, 1, 0)
    h, r = u2 - u1, s2 - s1
    h2 = h * h % _Q
    h3 = h * h2 % _Q
    v = u1 * h2 % _Q
    x3 = (r * r - h3 - 2 * v) % _Q
    return x3, (r * (v - x3) - s1 * h3) % _Q, h * one[2] * two[2] % _Q
