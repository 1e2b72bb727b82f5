"""ES256 signatures: raw r and s as JSON carries them, DER as the library takes them."""

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature


def der_signature(raw: bytes) -> bytes:
    """Return 64 octets of r and s (RFC 7518 section 3.4) as the SEQUENCE of two INTEGERs of RFC 3279 section 2.2.3.

    r and s of zero or beyond the order are kept: the library refuses them (FIPS 186-5 section 6.4.2).
    """
    r, s = raw[:32], raw[32:]
    # Half of all numbers of 32 octets need a zero before them, one in 256 is shorter and takes the long way.
    if r[0] and s[0]:
        r = b"\x02\x21\x00" + r if r[0] & 0x80 else b"\x02\x20" + r
        s = b"\x02\x21\x00" + s if s[0] & 0x80 else b"\x02\x20" + s
        return b"\x30%c%b%b" % (len(r) + len(s), r, s)
    return encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))
