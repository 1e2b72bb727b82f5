"""What the hub and a carrier's agent say to each other: questions, answers, receipts.

Every message carries ``version``; a reader ignores members that it does not know, and keeps the octets
that were signed. No behaviour lives here: the hub decides in ``tracebacks``, the carrier in ``agent``.
Times are ISO 8601 in UTC with microseconds and ``Z``. Numbers are canonical (``numbering.E164``).
"""

from enum import StrEnum

import msgspec

from headwater.wire.commitments import Proof
from headwater.wire.forward import NumberQuestion
from headwater.wire.parties import Party as Party  # noqa: PLC0414 - read here by all who speak these messages
from headwater.wire.searches import Search

VERSION = 1


class AnswerCode(StrEnum):
    """Our taxonomy of the answers a provider can give (domain reference, section 8)."""

    UPSTREAM_US = "UPSTREAM_US"
    UPSTREAM_FOREIGN = "UPSTREAM_FOREIGN"
    ORIGINATED = "ORIGINATED"
    ORIGINATED_RESELLER = "ORIGINATED_RESELLER"
    RECORD_NOT_FOUND = "RECORD_NOT_FOUND"
    RECORD_EXPIRED = "RECORD_EXPIRED"
    NOT_OURS = "NOT_OURS"
    NEED_INFO = "NEED_INFO"
    DECLINED = "DECLINED"
    LEGIT_CLAIM = "LEGIT_CLAIM"


class Action(StrEnum):
    """What an originating provider says that it did about its customer."""

    WARNED = "warned"
    TERMINATED = "terminated"
    NONE = "none"
    LEGITIMATE = "legitimate"
    """It looked into the calls and holds them lawful."""


class Question(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One call and one matter: who handed this call to you?"""

    version: int = VERSION
    question_id: str
    traceback_id: str
    hop: int
    """Distance from the terminating provider, which is hop 1."""
    calling: str
    called: str
    call_at: str
    """Start of the call as the asker's last witness saw it."""
    window_s: int
    """How far from ``call_at`` to look, in seconds, each way."""
    downstream: Party | None = None
    """The provider that says it received the call from you; absent at the terminating provider, and where it is asked
    whether you carried the call at all."""
    call_id: str = ""
    """SIP Call-ID on the leg that you sent, where the downstream saw one."""
    identity_digest: str = ""
    """SHA-256 of the Identity header's token on that leg, hexadecimal, where there was one."""
    campaign: str = ""
    reason: str = ""
    requester: str = ""
    """Who wants the call traced: ``consortium``, or the kind of agency; a carrier's policy may look at it."""
    asked_at: str
    legal_due_at: str
    platform_due_at: str


class Questions(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answer to a poll: what is open for this provider, oldest first."""

    version: int = VERSION
    questions: list[Question]
    searches: list[Search] = []
    """Where the poll says which it has seen: blind searches that are open."""
    numbers: list[NumberQuestion] = []
    """Call-back numbers: who serves them. An agent that does not know them leaves them to its people."""


class Leg(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One side of a call at one carrier, as its own record has it."""

    call_at: str
    calling: str
    called: str
    call_id: str = ""
    source_ip: str = ""
    destination_ip: str = ""
    trunk: str = ""
    identity_digest: str = ""
    attest: str = ""
    origid: str = ""
    record_id: str = ""
    record_sha256: str = ""
    """SHA-256 of the raw octets of the record, which stay at the carrier."""
    duration_ms: int = -1
    """How long the call was answered, -1 where the record does not say."""
    proof: Proof | None = None
    """That the record stands under a root that the carrier published."""


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A provider's answer to one question. It travels as the payload of a JWS that the provider signed."""

    version: int = VERSION
    question_id: str
    traceback_id: str
    provider: Party
    code: AnswerCode
    upstream: Party | None = None
    """Who handed over the call: with UPSTREAM_US, UPSTREAM_FOREIGN and ORIGINATED_RESELLER."""
    handed_to: Party | None = None
    """Whom the answerer handed the call to: where the question names no downstream."""
    ingress: Leg | None = None
    egress: Leg | None = None
    score_millinats: int = 0
    """Log-likelihood ratio of the match in thousandths of a nat (an integer: it is signed)."""
    basis: list[str] = msgspec.field(default_factory=list)
    """Why the record matched, one plain sentence a rule, with its weight."""
    candidates: int = 0
    """How many records were compared."""
    note: str = ""
    action: Action | None = None
    """With ORIGINATED: what the provider did. Of the customer itself nothing is said here."""
    answered_at: str
    agent: str = ""
    """Software name and version; empty where a person answered."""


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """Proof for the provider that it answered, and when."""

    version: int = VERSION
    receipt_id: str
    question_id: str
    received_at: str
    answer_sha256: str
    """SHA-256 of the octets as they were received."""


class Answers(msgspec.Struct, frozen=True, kw_only=True):
    """Many answers in one request; each is a compact JWS, as it would be handed in alone."""

    answers: list[str]


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why one answer of many was not taken in: what the answer handed in alone would have been answered with."""

    type: str
    title: str
    status: int
    detail: str


class Result(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one answer of many."""

    answer_sha256: str
    """SHA-256 of its octets."""
    status: int
    """201 taken in, 200 taken in before, else as in ``problem``."""
    receipt: Receipt | None = None
    problem: Refusal | None = None


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """What became of each answer, in the order in which they came."""

    results: list[Result]
