"""Everything that goes into one package, as values: gathered once, then written without another look. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from headwater.evidence.custody import Entry
from headwater.evidence.disclosure import DisclosureClass, Rule
from headwater.legal.rules import Grant, Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Matter:
    """Under which process the package is produced, and what of it was accepted."""

    package_id: str
    process_id: str
    process_type: str
    agency: str
    requester: str
    request: Request
    grant: Grant
    served_at: datetime
    decided_at: datetime
    decided_by: str
    decision_reason: str
    documents: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignFacts:
    """What is known of the campaign, and of its calls inside the scope."""

    id: str
    name: str
    name_is_new: bool
    state: str
    first_call_at: datetime
    last_call_at: datetime
    detected_at: datetime
    confirmed_at: datetime | None
    rule_version: str
    name_basis: Mapping[str, Any]
    calls_known: int
    """Reports in the campaign at sealing, in and outside the scope."""
    calls_in_scope: int
    states: Mapping[str, int]
    """Two-letter state of the called number's area -> reports in the scope."""
    callers: int
    """Different calling numbers in the scope."""
    sources: Mapping[str, int]
    """Sender -> reports in the scope."""
    kinds: Mapping[str, int] = field(default_factory=dict)
    """Kind of sender (``calls.records.SourceKind``) -> reports in the scope."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ringing:
    """Whether the campaign still rings, with the interval of its rate."""

    at: datetime
    last_call_at: datetime | None
    calls_last_minute: int
    rate_per_minute: float
    rate_low: float
    rate_high: float
    window_s: int
    """Seconds that the rate was taken over."""
    still_ringing: bool
    next_call_expected_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What was recorded of a call, as its sender gave it."""

    octets: bytes
    mediatype: str
    """As the sender calls it; empty where it does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call example: as read, and as received where the process opens that."""

    record_id: str
    fields: Mapping[str, Any]
    transcript: str
    raw: bytes | None
    raw_sha256: str
    recording: Recording | None
    vcon: bytes
    """The call as a vCon, its recording inside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSignature:
    """What was judged of one call's Identity headers, and the headers themselves where the process opens them."""

    row: Mapping[str, Any]
    identities: tuple[str, ...]
    """As received; empty where they are not opened: a token holds the called number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedAnswer:
    """One answer of a provider: what it says, and its octets where the process opens them."""

    row: Mapping[str, Any]
    octets: bytes | None

    @property
    def signed(self) -> bool:
        """Whether an agent signed it, or the deposit that it rests on."""
        return bool(self.row["key_id"])


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditProofs:
    """What proves the entries of the custody log to be in the audit: its signed checkpoint and a path for each."""

    checkpoint: bytes
    """The checkpoint's line, see ``audit.statement``."""
    public_key: bytes
    """The 32 octets of the Ed25519 key that signed it."""
    paths: Mapping[int, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Withheld:
    """What is not in the package, how much of it, and why."""

    what: str
    count: int
    why: str
    of: DisclosureClass = DisclosureClass.PATH
    rule: Rule = Rule.BOUND
    @property
    def deposited(self) -> bool:
        """Whether it rests on what the provider deposited, and nobody there answered."""
        return bool(self.row["deposit"])


    @property
    def sentence(self) -> str:
        """The whole of it for a list: what, how much, of which class, by which rule, why."""
        count = f" ({self.count:,})" if self.count else ""
        return f"{self.what}{count}: {self.why} [{self.of}, rule {self.rule}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """The whole input of one package: the same material gives the same files."""

    software: str
    sealed_at: datetime
    matter: Matter
    campaign: CampaignFacts
    ringing: Ringing
    members: tuple[Mapping[str, Any], ...]
    calls: tuple[Call, ...]
    tracebacks: tuple[Mapping[str, Any], ...]
    path: tuple[Mapping[str, Any], ...]
    answers: tuple[SignedAnswer, ...]
    provider_keys: tuple[Mapping[str, Any], ...]
    notices: tuple[Mapping[str, Any], ...]
    dossiers: tuple[Mapping[str, Any], ...]
    signatures: tuple[CallSignature, ...]
    certificates: Mapping[str, bytes]
    """SHA-256 -> DER of each certificate in the chains of the signatures."""
    timeline: tuple[Mapping[str, Any], ...]
    custody: tuple[Entry, ...]
    proofs: AuditProofs
    withheld: tuple[Withheld, ...]
    limits: tuple[str, ...]
    """What a reader must know, facts that cut against included."""


def instant(at: datetime | None) -> str:
    """Return an aware time as ISO 8601 in UTC with milliseconds, "" for none."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z") if at else ""


def spoken(at: datetime | str | None) -> str:
    """Return an instant for reading on paper: ``2026-11-24 07:44:02.455 UTC``; takes also what ``instant`` gave."""
    text = at if isinstance(at, str) else instant(at)
    return text.replace("T", " ").replace("Z", " UTC")


def origins(material: Material) -> dict[str, tuple[str, int]]:
    """Return the confirmed origins: provider code -> name and number of tracebacks that ended there."""
    found: dict[str, tuple[str, int]] = {}
    for trace in material.tracebacks:
        if spc := trace["origin_spc"]:
            found[spc] = (trace["origin"], found.get(spc, ("", 0))[1] + 1)
    return found


#: From the strongest outcome to the weakest; the package's own grade is the strongest of its tracebacks.
GRADE_ORDER = ("origin_confirmed", "entry_confirmed", "origin_stated", "origin_named", "on_net", "frontier", "")


def facts(material: Material) -> dict[str, Any]:
    """Return the figures that the manifest, the package's row and the screens state."""
    named = origins(material)
    grades = {trace["grade"] for trace in material.tracebacks}
    best = next((grade for grade in GRADE_ORDER if grade in grades), "")
    alone = next(iter(named)) if len(named) == 1 else ""
    return {
        "campaign": material.campaign.id,
        "campaign_name": material.campaign.name,
        "calls_in_scope": material.campaign.calls_in_scope,
        "calls": len(material.calls),
        "tracebacks": len(material.tracebacks),
        "hops": len(material.path),
        "answers": len(material.answers),
        "grade": best,
        "origin_spc": alone,
        "origin": named[alone][0] if alone else "",
        "origins": [{"spc": spc, "name": name, "tracebacks": n} for spc, (name, n) in sorted(named.items())],
        "outcome": next((trace["outcome"] for trace in material.tracebacks if trace["grade"] == best), ""),
        "still_ringing": material.ringing.still_ringing,
        "last_call_at": instant(material.ringing.last_call_at),
        "rate_per_minute": material.ringing.rate_per_minute,
        "rate_low": material.ringing.rate_low,
        "rate_high": material.ringing.rate_high,
    }
