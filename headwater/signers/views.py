"""What pages and programs read of signers. Frozen; called numbers are masked."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from headwater.numbering.numbers import E164
from headwater.signers.values import Flag, FlagKind, HostState, Signature


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateView:
    """One archived certificate."""

    sha256: str
    subject: str
    issuer: str
    serial: str
    spc: str
    authority: bool
    not_before: datetime
    not_after: datetime
    first_seen_at: datetime
    last_seen_at: datetime
    revoked_at: datetime | None
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerRow:
    """One signer over a time: tokens by attestation, and how many did not hold."""

    spc: str
    name: str
    provider_id: str
    tokens: int
    by_attestation: Mapping[str, int]
    not_valid: int
    flagged: int
    last_hour: datetime
    spark: tuple[int, ...]
    """Tokens an hour, oldest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerView:
    """One signer in full."""

    row: SignerRow
    hours: tuple[datetime, ...]
    series: Mapping[str, tuple[int, ...]]
    """Attestation -> tokens an hour, oldest first."""
    reasons: tuple[tuple[str, int], ...]
    """Reason of those that did not hold -> tokens, the most frequent first."""
    flags: tuple[tuple[FlagKind, int], ...]
    origids: tuple[tuple[str, str, int], ...]
    """Origination identifier, attestation, tokens: the customers, trunks and gateways that it tells apart."""
    certificates: tuple[CertificateView, ...]
    patterns: tuple[Flag, ...]
    """What is odd about its calls together, 30 days."""
    latest: tuple[Signature, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixed:
    """How many of some calls one signer signed in one way."""

    spc: str
    name: str
    attest: str
    valid: bool
    calls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """Who signed some calls: by signer, attestation and whether it holds; what is odd about them together."""

    signed: int
    rows: tuple[Mixed, ...]
    flags: tuple[Flag, ...]
    partial: bool = False
    """Whether the call store could not be asked for other hops' records of the same calls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostView:
    """One host of certificates."""

    host: str
    state: HostState
    reason: str
    decided_by: str
    decided_at: datetime | None
    first_seen_at: datetime
    last_seen_at: datetime
    asked_for: int
    sample: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallView:
    """One call record as a page shows it."""

    record_id: UUID
    kind: str
    source_id: str
    call_at: datetime
    received_at: datetime
    calling: E164
    called_masked: str
    called_state: str
    disposition: str
    call_id: str
    source_ip: str
    destination_ip: str
    capture_agent: str
    terminating_spc: str
    identity_digest: str
    claimed_attestation: str
    """As the token says, unverified; the verdict says whether it holds."""
    claimed_origid: str
    raw_sha256: str
    credential: str
    """By what its sender proved itself (``calls.records``)."""
    software: str
    file: str
    """Name of the file that it stood in, and its row there; "" where it came in none."""
    file_sha256: str
    transcript: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifierView:
    """How far the verifier is."""

    read_to: datetime | None
    judged: int
