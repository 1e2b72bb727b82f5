"""The values of signers: verdicts, flags, steps of a path. Frozen; no decisions."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from headwater.labels import Labelled


class HostState(Labelled):
    """Whether certificates may be fetched from a host."""

    WAITING = "waiting", "Waits for review"
    ALLOWED = "allowed", "Allowed"
    REFUSED = "refused", "Refused"


class FlagKind(Labelled):
    """What can be odd about a signed call. The first five are the anomalies that tracebacks show."""

    SPOOFED_WITH_A = "spoofed_with_a", "A attestation on a number that no call can come from"
    DOWNSTREAM_SIGNED = "downstream_signed", "Signed by a provider downstream of the origin"
    SIGNER_NOT_IN_PATH = "signer_not_in_path", "The signer is not on the path of the call"
    CERTIFICATE_ENDED = "certificate_ended", "Signed with a revoked or expired certificate"
    HACKED_PLATFORM = "hacked_platform", "Pattern of a platform that was broken into"
    REPLAYED = "replayed", "One token used for several calls"
    SKEWED = "skewed", "Signed at another time than the call"
    SIGNER_UNLISTED = "signer_unlisted", "The signer's code is in no register"
    SIGNER_UNFILED = "signer_unfiled", "The signer is not in the Robocall Mitigation Database"
    FOREIGN_NUMBERS = "foreign_numbers", "A attestation at volume for numbers of many other carriers"
    CODE_MALFORMED = "code_malformed", "The certificate's provider code is malformed"
    ADDRESS_ODD = "address_odd", "The certificate's address is not one that may be fetched"
    NUMBER_DIFFERS = "number_differs", "Token and call name different calling numbers"
    ATTESTATION_CHANGES = "attestation_changes", "One signer attests one number differently"
    STRIPPED = "stripped", "A provider on the path dropped the Identity header"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """One odd thing, with the evidence that it rests on."""

    kind: FlagKind
    detail: str
    evidence: tuple[str, ...] = ()
    """Identifiers: records, signatures, questions, certificates."""
    rule_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PathStep:
    """One hop of a traced call, as far as signatures are concerned. Hop 1 is the terminating provider."""

    hop: int
    spc: str
    name: str
    question_id: str
    answer: str
    """The answer's code, "" while there is none."""
    identity_digest: str = ""
    """Of the leg that it received, where its answer states one."""
    states_leg: bool = False
    """Whether its answer describes the leg at all: without, a missing digest says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One check of a verdict. Token 0 is the call as a whole."""

    token: int
    ppt: str
    check: int
    outcome: str
    reason: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """The verdict in force on the Identity headers of one call."""

    id: str
    digest: str
    version: int
    record_id: UUID
    seen_at: datetime
    judged_at: datetime
    spc: str
    provider_id: str
    provider_name: str
    """"" where neither the register of providers nor that of codes has it."""
    signers: tuple[str, ...]
    attest: str
    origid: str
    orig: str
    calling: str
    iat: datetime | None
    ppt: str
    x5u: str
    host: str
    result: str
    reason: str
    verstat: str
    sip_status: int
    checks: tuple[Asked, ...]
    chain: tuple[str, ...]
    flags: tuple[Flag, ...]
    software: str

    @property
    def valid(self) -> bool:
        """Tell whether the call is validated as a whole."""
        return self.result == "valid"
