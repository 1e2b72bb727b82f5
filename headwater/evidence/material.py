"""Everything that goes into one package, as values: gathered once, then written without another look. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from headwater.evidence.custody import Entry
from headwater.evidence.disclosure import DisclosureClass, Rule
from headwater.evidence.told_to_stop import ToldToStop
from headwater.legal.rules import Grant, Request, Subjects


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

    @property
    def opened(self) -> Subjects:
        """What the acceptance opened of what was asked for."""
        return self.request.subjects - self.grant.left_out

    @property
    def window(self) -> tuple[datetime, datetime | None]:
        """The time whose calls the acceptance opened; no end: up to the sealing."""
        return self.grant.covers_from or self.request.covers_from, self.grant.covers_to


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Reports in the scope, counted one by one: all of them, or those of one campaign."""

    calls: int = 0
    callers: int = 0
    """Different calling numbers."""
    states: Mapping[str, int] = field(default_factory=dict)
    """Two-letter state of the called number's area -> reports."""
    sources: Mapping[str, int] = field(default_factory=dict)
    """Sender -> reports."""
    kinds: Mapping[str, int] = field(default_factory=dict)
    """Kind of sender (``calls.records.SourceKind``) -> reports."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ringing:
    """Whether a campaign still rings, with the interval of its rate."""

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
class CampaignFacts:
    """What is known of one campaign, and of its calls inside the scope.

    Of a campaign that was not opened itself, all is of those calls alone that a number or traceback opened.
    """

    id: str
    name: str
    whole: bool
    """Whether the acceptance opened the campaign itself, and not single tracebacks and numbers of it."""
    went_into_it: tuple[str, ...]
    """Numbers of campaigns that were merged into it and that the acceptance opened: they are it now."""
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
    in_scope: Counted
    ringing: Ringing

    @property
    def called(self) -> str:
        """The campaign as a sentence names it: its number, its name, and what went into it."""
        also = f", into which {', '.join(self.went_into_it)} went" if self.went_into_it else ""
        return f"{self.id}, \u201c{self.name}\u201d{also}"


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

    @property
    def deposited(self) -> bool:
        """Whether it rests on what the provider deposited, and nobody there answered."""
        return bool(self.row["deposit"])


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
    campaigns: tuple[CampaignFacts, ...]
    """Every campaign that the acceptance opened or that holds a call of the scope; the process's own first."""
    in_scope: Counted
    members: tuple[Mapping[str, Any], ...]
    calls: tuple[Call, ...]
    tracebacks: tuple[Mapping[str, Any], ...]
    path: tuple[Mapping[str, Any], ...]
    answers: tuple[SignedAnswer, ...]
    provider_keys: tuple[Mapping[str, Any], ...]
    notices: tuple[Mapping[str, Any], ...]
    told_to_stop: tuple[ToldToStop, ...]
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

    @property
    def main(self) -> CampaignFacts:
        """The campaign that the process is about."""
        return self.campaigns[0]


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
        "campaign": material.main.id,
        "campaign_name": material.main.name,
        "campaigns": [_ringing(campaign) for campaign in material.campaigns],
        "calls_in_scope": material.in_scope.calls,
        "calls": len(material.calls),
        "tracebacks": len(material.tracebacks),
        "hops": len(material.path),
        "answers": len(material.answers),
        "grade": best,
        "origin_spc": alone,
        "origin": named[alone][0] if alone else "",
        "origins": [{"spc": spc, "name": name, "tracebacks": n} for spc, (name, n) in sorted(named.items())],
        "outcome": next((trace["outcome"] for trace in material.tracebacks if trace["grade"] == best), ""),
        "still_ringing": any(campaign.ringing.still_ringing for campaign in material.campaigns),
    }


def _ringing(campaign: CampaignFacts) -> dict[str, Any]:
    ringing = campaign.ringing
    return {
        "campaign": campaign.id,
        "name": campaign.name,
        "calls_in_scope": campaign.in_scope.calls,
        "still_ringing": ringing.still_ringing,
        "last_call_at": instant(ringing.last_call_at),
        "rate_per_minute": ringing.rate_per_minute,
        "rate_low": ringing.rate_low,
        "rate_high": ringing.rate_high,
    }
