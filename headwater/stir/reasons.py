"""Why a token was not accepted: our own stable codes, and the tables that turn one into SIP and verstat.

A verdict stores the reason. SIP status and verstat are derived last, by table, because the tables in use
disagree: RFC 8224 section 6.2.2, ATIS-1000082's error list and Asterisk's map are all given.
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Check(IntEnum):
    """The numbered checks (RFC 8224 section 6.2 and what it builds on), in the order in which they are told."""

    IDENTITY_PRESENT = 1
    HEADER_FORM = 2
    TOKEN_FORM = 3
    SIZE_AND_JSON = 4
    TOKEN_HEADER = 5
    EXTENSION_SUPPORTED = 6
    INFO_EQUALS_X5U = 7
    X5U_ALLOWED = 8
    CERTIFICATE_HAD = 10
    CERTIFICATE_PATH = 11
    REVOCATION = 12
    TN_AUTH_LIST = 13
    CLAIM_CONSTRAINTS = 14
    DELEGATE_SCOPE = 15
    SIGNATURE = 16
    CLAIMS = 17
    CANONICAL_NUMBERS = 18
    CALL_MATCH = 19
    FRESHNESS = 20
    REPLAY = 21


#: What each check asks, and where it is written.
CHECK_TEXT: dict[Check, tuple[str, str]] = {
    Check.IDENTITY_PRESENT: ("The call carries an Identity header", "RFC 8224 section 6.2"),
    Check.HEADER_FORM: ("The header is a token followed by its parameters", "RFC 8224 section 4"),
    Check.TOKEN_FORM: ("The token has three base64url parts, in full form", "RFC 8225 section 7; ATIS-1000074 5.3.3"),
    Check.SIZE_AND_JSON: ("The token is small, valid JSON without a member twice", "RFC 8259 section 4"),
    Check.TOKEN_HEADER: (
        "typ is passport, alg is ES256, x5u is there, nothing critical is unknown",
        "RFC 8225 section 4",
    ),
    Check.EXTENSION_SUPPORTED: ("The PASSporT extension is one that we judge", "RFC 8225 section 8"),
    Check.INFO_EQUALS_X5U: ("The info parameter equals x5u", "RFC 8224 section 4; ATIS-1000082 E10"),
    Check.X5U_ALLOWED: ("The certificate address keeps the rules", "ATIS-1000074 5.3.1"),
    Check.CERTIFICATE_HAD: ("The certificate could be had", "RFC 8224 section 6.2.2"),
    Check.CERTIFICATE_PATH: (
        "The certificate chains to an approved authority and was valid",
        "RFC 5280 section 6; ATIS-1000080",
    ),
    Check.REVOCATION: ("The certificate is not revoked", "ATIS-1000080"),
    Check.TN_AUTH_LIST: ("The certificate names one Service Provider Code, its authorities none", "RFC 8226 section 9"),
    Check.CLAIM_CONSTRAINTS: ("The token keeps the certificates' claim constraints", "RFC 8226 section 8; RFC 9118"),
    Check.DELEGATE_SCOPE: ("A delegate certificate covers the calling number", "RFC 9060"),
    Check.SIGNATURE: ("The signature verifies over the octets received", "RFC 8225 section 6; RFC 7515"),
    Check.CLAIMS: ("The claims have the right members and types", "RFC 8225 section 5; RFC 8588 section 4"),
    Check.CANONICAL_NUMBERS: ("Telephone numbers are in canonical form", "RFC 8224 section 8.3"),
    Check.CALL_MATCH: ("The claims match the call's numbers, through any diversions", "RFC 8224 section 6.2; RFC 8946"),
    Check.FRESHNESS: ("The token was signed within a minute of the call", "RFC 8224 section 6.2"),
    Check.REPLAY: ("The token was not used for another call", "RFC 8224 section 12.1"),
}


class Reason(StrEnum):
    """Why a check failed (RFC 8224 section 6.2.2), as a stable code: once published, it keeps its meaning for ever."""

    IDENTITY_MISSING = "identity-missing"
    HEADER_MALFORMED = "header-malformed"
    INFO_MISSING = "info-missing"
    COMPACT_FORM = "compact-form"
    TOKEN_MALFORMED = "token-malformed"
    TOKEN_TOO_LARGE = "token-too-large"
    JSON_MALFORMED = "json-malformed"
    JSON_MEMBER_TWICE = "json-member-twice"
    JSON_TOO_DEEP = "json-too-deep"
    TOKEN_HEADER_MEMBER = "token-header-member"
    TYP_NOT_PASSPORT = "typ-not-passport"
    ALG_NOT_ES256 = "alg-not-es256"
    CRIT_UNKNOWN = "crit-unknown"
    PARAMETER_DIFFERS = "parameter-differs"
    EXTENSION_UNSUPPORTED = "extension-unsupported"
    INFO_DIFFERS = "info-differs-from-x5u"
    X5U_REFUSED = "x5u-refused"
    CERTIFICATE_UNAVAILABLE = "certificate-unavailable"
    CERTIFICATE_MALFORMED = "certificate-malformed"
    CERTIFICATE_UNTRUSTED = "certificate-untrusted"
    CERTIFICATE_EXPIRED = "certificate-expired"
    CERTIFICATE_NOT_YET_VALID = "certificate-not-yet-valid"
    CERTIFICATE_UNSUITABLE = "certificate-unsuitable"
    CERTIFICATE_REVOKED = "certificate-revoked"
    TN_AUTH_LIST_MISSING = "tn-auth-list-missing"
    TN_AUTH_LIST_MALFORMED = "tn-auth-list-malformed"
    CLAIM_CONSTRAINED = "claim-constrained"
    DELEGATE_OUT_OF_SCOPE = "delegate-out-of-scope"
    SIGNATURE_MALFORMED = "signature-malformed"
    SIGNATURE_INVALID = "signature-invalid"
    IAT_BAD = "iat-bad"
    ORIG_BAD = "orig-bad"
    DEST_BAD = "dest-bad"
    ATTEST_BAD = "attest-bad"
    ORIGID_BAD = "origid-bad"
    EXTENSION_CLAIM_BAD = "extension-claim-bad"
    NUMBER_NOT_CANONICAL = "number-not-canonical"
    ORIG_DIFFERS = "orig-differs-from-call"
    DEST_DIFFERS = "dest-differs-from-call"
    DIVERSION_BROKEN = "diversion-chain-broken"
    DIGEST_DIFFERS = "integrity-digest-differs"
    STALE = "stale"
    FROM_THE_FUTURE = "from-the-future"
    REPLAYED = "replayed"


class Verstat(StrEnum):
    """3GPP TS 24.229 verification result, as ATIS-1000082 uses it."""

    PASSED = "TN-Validation-Passed"
    FAILED = "TN-Validation-Failed"
    NONE = "No-TN-Validation"


class Outcome(StrEnum):
    """How one check (RFC 8224 section 6.2) came out."""

    PASSED = "passed"
    FAILED = "failed"
    FLAGGED = "flagged"
    """Odd, and worth saying, but no reason to refuse."""
    NOT_MADE = "not made"
    """Could not or need not be made; the detail says why."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One check of a token or call (RFC 8224 section 6.2): outcome, detail, reason, and which document asks it."""

    check: Check
    outcome: Outcome
    detail: str = ""
    reason: Reason | None = None

    @property
    def question(self) -> str:
        """What the check asks, in plain words."""
        return CHECK_TEXT[self.check][0]

    @property
    def source(self) -> str:
        """The document that demands the check."""
        return CHECK_TEXT[self.check][1]


R = Reason
_CERTIFICATE = (
    R.CERTIFICATE_MALFORMED,
    R.CERTIFICATE_UNTRUSTED,
    R.CERTIFICATE_EXPIRED,
    R.CERTIFICATE_NOT_YET_VALID,
    R.CERTIFICATE_UNSUITABLE,
    R.CERTIFICATE_REVOKED,
    R.TN_AUTH_LIST_MISSING,
    R.TN_AUTH_LIST_MALFORMED,
    R.DELEGATE_OUT_OF_SCOPE,
)

#: RFC 8224 section 6.2.2. Whatever is not listed is 438, "Invalid Identity Header".
SIP_RFC8224: dict[Reason, int] = {
    R.IDENTITY_MISSING: 428,
    R.STALE: 403,
    R.FROM_THE_FUTURE: 403,
    R.X5U_REFUSED: 436,
    R.CERTIFICATE_UNAVAILABLE: 436,
    **dict.fromkeys(_CERTIFICATE, 437),
}

#: ATIS-1000082 error cases E1 to E19 where they differ from RFC 8224.
SIP_ATIS1000082: dict[Reason, int] = {
    **SIP_RFC8224,
    R.INFO_MISSING: 436,
    R.TOKEN_HEADER_MEMBER: 436,
    R.INFO_DIFFERS: 436,
    R.TYP_NOT_PASSPORT: 437,
    R.ALG_NOT_ES256: 437,
}

#: Asterisk's table (its res_stir_shaken as of 2026-08): as RFC 8224, and no code for a refused address.
SIP_ASTERISK: dict[Reason, int] = {**SIP_RFC8224, R.X5U_REFUSED: 438}

#: The tables in use, by the name that a verdict gives them.
SIP_TABLES = {"rfc8224": SIP_RFC8224, "atis1000082": SIP_ATIS1000082, "asterisk": SIP_ASTERISK}

#: What makes verstat "failed"; every other reason means that nothing was validated (ATIS-1000082 E17, E18).
_FAILED = frozenset(
    {
        R.CERTIFICATE_UNTRUSTED,
        R.CERTIFICATE_EXPIRED,
        R.CERTIFICATE_NOT_YET_VALID,
        R.CERTIFICATE_UNSUITABLE,
        R.CERTIFICATE_REVOKED,
        R.SIGNATURE_INVALID,
        R.SIGNATURE_MALFORMED,
    }
)


def sip_status(reason: Reason | None, table: dict[Reason, int] = SIP_RFC8224) -> int:
    """Return the SIP status for ``reason`` by ``table`` (RFC 8224 section 6.2.2): 200 for none, 438 for others."""
    return 200 if reason is None else table.get(reason, 438)


def sip_statuses(reason: Reason | None) -> dict[str, int]:
    """Return the SIP status for ``reason`` by each table in use: RFC 8224, ATIS-1000082, Asterisk."""
    return {name: sip_status(reason, table) for name, table in SIP_TABLES.items()}


def verstat(reason: Reason | None) -> Verstat:
    """Return the verstat value for ``reason`` (3GPP TS 24.229 section 7.2A; ATIS-1000082)."""
    if reason is None:
        return Verstat.PASSED
    return Verstat.FAILED if reason in _FAILED else Verstat.NONE
