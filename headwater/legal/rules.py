"""What a legal process must state, what an acceptance opens, and its clocks. Pure: ``now`` is an argument.

The kinds of process stand in ``kinds``, their states in ``states``, what is open to whom in ``scope``.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from headwater.errors import Invalid
from headwater.legal.kinds import (
    DISCLOSURE_WORDS,
    KINDS,
    TYPE_WORDS,
    Disclosure,
    ProcessType,
)
from headwater.legal.scope import Matter, Scope, Subjects
from headwater.legal.states import (
    ACCEPTED,
    ENDED,
    IN_REVIEW,
    STATE_WORDS,
    TRANSITIONS,
    ProcessState,
    Step,
    WrongStep,
    after,
)
from headwater.numbering.numbers import E164, canonical, is_possible
from headwater.tracebacks.clocks import is_business_day

__all__ = [
    "ACCEPTED", "DISCLOSURE_WORDS", "ENDED", "IN_REVIEW", "KINDS", "STATE_WORDS", "TRANSITIONS", "TYPE_WORDS",
    "Disclosure", "Matter", "ProcessState", "ProcessType", "Scope", "Step", "Subjects", "WrongStep", "after",
]  # fmt: skip

#: Our own target: a campaign that rings now is worth an answer within the hour.
REVIEW_TARGET = timedelta(hours=1)
#: How long an acceptance opens its scope where the reviewer names no day; the agency may ask for more.
ACCESS_FOR = timedelta(days=90)
LONGEST_ACCESS = timedelta(days=366)
LONGEST_LINE = 200
LONGEST_TEXT = 10_000
#: Campaigns, tracebacks and numbers that one process may name.
MOST_SUBJECTS = 200
#: No process may reach further back than the store can hold and a court would find relevant: five years.
FURTHEST_BACK = timedelta(days=5 * 366)


class Decision(StrEnum):
    """What a reviewer can decide."""

    ACCEPT = "accept"
    ACCEPT_IN_PART = "accept_in_part"
    """Some classes or subjects are not opened."""
    NARROW = "narrow"
    """Fewer subjects, or a shorter time, than was asked for."""
    OBJECT = "object"
    ASK_FOR_MORE = "deficient"


DECISION_STEP: dict[Decision, Step] = {
    Decision.ACCEPT: Step.ACCEPT,
    Decision.ACCEPT_IN_PART: Step.ACCEPT,
    Decision.NARROW: Step.ACCEPT,
    Decision.OBJECT: Step.OBJECT,
    Decision.ASK_FOR_MORE: Step.ASK_FOR_MORE,
}


class IdentityMethod(StrEnum):
    """How the reviewer made sure who served a process: none of them is the e-mail that announced it."""

    PUBLISHED_NUMBER = "published_number"
    KNOWN_OFFICER = "known_officer"
    SECOND_CONTACT = "second_contact"
    IN_PERSON = "in_person"
    OTHER = "other"


IDENTITY_WORDS: dict[IdentityMethod, str] = {
    IdentityMethod.PUBLISHED_NUMBER: "Called the office at its published number",
    IdentityMethod.KNOWN_OFFICER: "Officer known from earlier process",
    IdentityMethod.SECOND_CONTACT: "Confirmed by the agency's second contact",
    IdentityMethod.IN_PERSON: "In person",
    IdentityMethod.OTHER: "Otherwise, as noted",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What an agency asks for. Times are aware UTC; ``covers_to`` None means until the package is sealed."""

    process_type: ProcessType
    authority: str
    statute: str
    case_number: str
    scope: str
    covers_from: datetime
    covers_to: datetime | None
    return_date: date
    signer: str
    called_numbers: bool
    """Whether the called parties' numbers are asked for in full: raw records and signed answers hold them."""
    customer_identity: bool
    """Whether the customer's identity, the guarded disclosure class, is asked for."""
    subjects: Subjects = field(default_factory=Subjects)
    """Campaigns, tracebacks, calling numbers; empty: the campaign of the alert that it is drafted from."""
    zone: str = "UTC"
    """The zone in which the agency stated its days (IANA)."""
    badge_number: str = ""
    telephone: str = ""
    signed_on: date | None = None
    sealed: bool = False
    """Sealed: only the people named on it, and the consortium's reviewers and custodians, know of it."""
    nondisclosure_until: date | None = None
    """Until when nobody may be told that it was served; None: no such order."""
    order_reference: str = ""
    """The order that seals it or forbids disclosure, where the process is not that order itself."""

    @property
    def classes(self) -> frozenset[Disclosure]:
        """The classes that are asked for, within what such a process can reach."""
        return _classes(self.process_type, called_numbers=self.called_numbers, customer_identity=self.customer_identity)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What an acceptance opens; without the optional members, all that was asked for of subjects and time."""

    called_numbers: bool
    customer_identity: bool
    covers_from: datetime | None = None
    covers_to: datetime | None = None
    left_out: Subjects = field(default_factory=Subjects)
    """Subjects that were asked for and are not opened."""
    access_until: datetime | None = None
    """When scoped access ends; None: ``ACCESS_FOR`` after the acceptance."""


def granted_classes(kind: ProcessType, grant: Grant) -> frozenset[Disclosure]:
    """Return the classes that an acceptance of such a process opens."""
    return _classes(kind, called_numbers=grant.called_numbers, customer_identity=grant.customer_identity)


def _classes(kind: ProcessType, *, called_numbers: bool, customer_identity: bool) -> frozenset[Disclosure]:
    wanted = {Disclosure.PATH}
    if called_numbers:
        wanted.add(Disclosure.CALLED_NUMBERS)
    if customer_identity:
        wanted.add(Disclosure.CUSTOMER_IDENTITY)
    return KINDS[kind].reach & wanted


class BadRequest(Invalid):
    """The request breaks a rule of its form; ``problems`` says which, by field."""

    def __init__(self, problems: dict[str, str]) -> None:
        super().__init__("; ".join(problems.values()))
        self.problems = problems


_LINES = {
    "authority": "Enter the issuing authority, for example the office of an attorney general",
    "statute": "Enter the statute that you act under, for example 47 U.S.C. § 227",
    "case_number": "Enter your case or matter number",
    "signer": "Enter who signed the process, with their title",
}
_OPTIONAL_LINES = ("badge_number", "telephone", "order_reference")


def check_request(request: Request, now: datetime, *, documents: int | None = None) -> None:
    """Refuse a request that states too little, impossible times, or more than its kind can reach.

    ``documents`` is how many are served with it; None: not looked at here.

    Raises:
        BadRequest: with one sentence a field.
    """
    problems = _line_problems(request) | _time_problems(request, now) | _kind_problems(request, documents)
    problems |= _subject_problems(request.subjects)
    if not request.scope.strip():
        problems["scope"] = "Enter what is to be produced"
    elif len(request.scope) > LONGEST_TEXT:
        problems["scope"] = f"Use at most {LONGEST_TEXT:,} characters for the scope"
    if problems:
        raise BadRequest(problems)


def _line_problems(request: Request) -> dict[str, str]:
    problems = {}
    for name in (*_LINES, *_OPTIONAL_LINES):
        text = getattr(request, name).strip()
        needed = name in _LINES and (name != "statute" or KINDS[request.process_type].needs_statute)
        if not text and needed:
            problems[name] = _LINES[name]
        elif text and (len(text) > LONGEST_LINE or not text.isprintable()):
            problems[name] = f"Use at most {LONGEST_LINE} plain characters on one line"
    return problems


def _time_problems(request: Request, now: datetime) -> dict[str, str]:
    problems = {}
    today = now.date()
    if request.covers_from > now:
        problems["covers_from"] = "The first day must not lie in the future"
    elif request.covers_from < now - FURTHEST_BACK:
        problems["covers_from"] = "The first day must not lie more than five years back"
    if request.covers_to is not None and request.covers_to <= request.covers_from:
        problems["covers_to"] = "The last day must not lie before the first day"
    if request.return_date < today:
        problems["return_date"] = "The return date must be today or later"
    elif request.return_date > today + timedelta(days=366):
        problems["return_date"] = "The return date must lie within a year"
    # A day begins up to fourteen hours earlier in the signer's zone.
    if request.signed_on is not None and request.signed_on > (now + timedelta(hours=14)).date():
        problems["signed_on"] = "The day of signature must not lie in the future"
    if request.nondisclosure_until is not None and request.nondisclosure_until < today:
        problems["nondisclosure_until"] = "The day until which disclosure is forbidden must be today or later"
    try:
        ZoneInfo(request.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        problems["zone"] = "Name a time zone of the IANA database, such as America/Detroit"
    return problems


def _kind_problems(request: Request, documents: int | None) -> dict[str, str]:
    kind, words = KINDS[request.process_type], TYPE_WORDS[request.process_type].lower()
    problems = {}
    if request.customer_identity and Disclosure.CUSTOMER_IDENTITY not in kind.reach:
        problems["customer_identity"] = f"A {words} never reaches customer identity. Serve a subpoena, demand or order"
    if request.called_numbers and Disclosure.CALLED_NUMBERS not in kind.reach:
        problems["called_numbers"] = f"A {words} does not reach called numbers in full. Serve a subpoena or order"
    if documents == 0 and kind.needs_document:
        problems["document"] = f"Choose the signed document: a {words} is served with it"
    bound = request.sealed or request.nondisclosure_until is not None
    if bound and not kind.compels:
        problems["sealed"] = f"A {words} binds nobody, so it cannot be sealed"
    elif bound and not kind.seals_itself and not request.order_reference.strip():
        problems["order_reference"] = "Name the order that seals it or forbids disclosure: court, number and day"
    return problems


def _subject_problems(subjects: Subjects) -> dict[str, str]:
    if len(subjects) > MOST_SUBJECTS:
        return {"numbers": f"Name at most {MOST_SUBJECTS} campaigns, tracebacks and numbers in one process"}
    bad = sorted(number for number in subjects.numbers if canonical(number) != number or not is_possible(E164(number)))
    if bad:
        return {"numbers": f"This is no telephone number: {bad[0][:40]}. Write it with its area code"}
    return {}


def check_reason(reason: str) -> str:
    """Return ``reason`` without its margins.

    Raises:
        BadRequest: it is empty or too long: every decision is told to the agency with its reason.
    """
    text = reason.strip()
    if not text:
        raise BadRequest({"reason": "Enter the reason: the agency reads it in the decision letter"})
    if len(text) > LONGEST_TEXT:
        raise BadRequest({"reason": f"Use at most {LONGEST_TEXT:,} characters"})
    return text


def left_out(asked: Request, grant: Grant) -> tuple[str, ...]:
    """Return what of ``asked`` an acceptance does not open, a sentence each; () where it opens all."""
    said = []
    if asked.called_numbers and not grant.called_numbers:
        said.append("Called numbers in full are not opened; they are shown masked, and octets by their hash.")
    if asked.customer_identity and not grant.customer_identity:
        said.append("Customer identity is not opened.")
    said += [f"The campaign {one} is not opened." for one in sorted(grant.left_out.campaigns)]
    said += [f"The traceback {one} is not opened." for one in sorted(grant.left_out.tracebacks)]
    said += [f"Calls from +{one} are not opened by that number." for one in sorted(grant.left_out.numbers)]
    if grant.covers_from is not None and grant.covers_from > asked.covers_from:
        said.append(f"Calls before {grant.covers_from:%Y-%m-%d %H:%M} UTC are not opened.")
    if grant.covers_to is not None and (asked.covers_to is None or grant.covers_to < asked.covers_to):
        said.append(f"Calls from {grant.covers_to:%Y-%m-%d %H:%M} UTC on are not opened.")
    return tuple(said)


def check_grant(asked: Request, grant: Grant) -> None:
    """Refuse an acceptance that opens more than was asked for, or nothing.

    Raises:
        BadRequest: with one sentence a field.
    """
    problems = {}
    if grant.called_numbers and not asked.called_numbers:
        problems["grant_called_numbers"] = "The process does not ask for called numbers in full"
    if grant.customer_identity and not asked.customer_identity:
        problems["grant_customer_identity"] = "The process does not ask for customer identity"
    if not grant.left_out <= asked.subjects:
        problems["grant_subjects"] = "What is left out must have been asked for"
    elif asked.subjects and not asked.subjects - grant.left_out:
        problems["grant_subjects"] = "Nothing would be left to open: object instead"
    start, end = window(asked, grant)
    if start < asked.covers_from:
        problems["grant_from"] = "An acceptance cannot begin before the time that was asked for"
    if asked.covers_to is not None and (end is None or end > asked.covers_to):
        problems["grant_to"] = "An acceptance cannot end after the time that was asked for"
    if end is not None and end <= start:
        problems["grant_to"] = "The last day must not lie before the first day"
    if problems:
        raise BadRequest(problems)


def check_decision(decision: Decision, asked: Request, grant: Grant) -> None:
    """Refuse a decision whose name and grant say different things.

    Raises:
        BadRequest: a part is accepted but nothing left out, or the process is said to be narrowed and is not.
    """
    if decision is Decision.ACCEPT_IN_PART and not left_out(asked, grant):
        raise BadRequest({"decision": "Nothing is left out: accept in whole, or say what is not opened"})
    if decision is Decision.NARROW and not grant.left_out and window(asked, grant) == window(asked, None):
        raise BadRequest({"decision": "Nothing is narrowed: give a shorter time or leave subjects out"})


def window(asked: Request, grant: Grant | None) -> tuple[datetime, datetime | None]:
    """Return the times of call that an acceptance opens: from, and up to without."""
    if grant is None:
        return asked.covers_from, asked.covers_to
    return grant.covers_from or asked.covers_from, grant.covers_to or asked.covers_to


def access_until(grant: Grant, now: datetime) -> datetime:
    """Return when the access of an acceptance at ``now`` ends.

    Raises:
        BadRequest: in the past, or more than a year ahead.
    """
    until = grant.access_until or now + ACCESS_FOR
    if not now < until <= now + LONGEST_ACCESS:
        raise BadRequest({"access_until": "Access must end after today and within a year"})
    return until


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """How long a process has waited for the consortium, and what is left of the review target."""

    waited: timedelta
    left: timedelta

    @property
    def late(self) -> bool:
        """Whether the target has passed."""
        return self.left < timedelta(0)


def waiting(served_at: datetime, now: datetime) -> Waiting:
    """Return the review clock of a process served at ``served_at``."""
    return Waiting(waited=now - served_at, left=served_at + REVIEW_TARGET - now)


def business_days_left(return_date: date, today: date) -> int:
    """Return how many business days are left after ``today`` up to and with the return date; negative once past.

    Business days as in 47 CFR 64.1200(n)(1): Monday to Friday, federal legal holidays excluded. A return date that is
    none counts up to the business day before it: production then is in time everywhere.
    """
    first, last = sorted((today, return_date))
    days = sum(is_business_day(first + timedelta(days=n)) for n in range(1, (last - first).days + 1))
    return days if return_date >= today else -days
