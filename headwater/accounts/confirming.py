"""The second check of contact: before it, nothing is open to a new person. Who checked what, and how, is kept.

Two ways. By telephone: the consortium's person looks the organisation's number up by themselves (not from the
invitation), calls it, is put through, and reads out a code; the invited person types it into their waiting page. By a
colleague: a confirmed person of the same organisation says that they know the new one and spoke to them.
"""

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from django.conf import settings
from django.db import transaction

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.accounts.models import ContactCheck, User
from headwater.accounts.permissions import Permission
from headwater.accounts.queries import PersonView, person_view
from headwater.accounts.rules import ContactWay
from headwater.audit.actions import record
from headwater.audit.tags import Tag
from headwater.errors import Conflict, Forbidden, Invalid, NotFound
from headwater.numbering.numbers import E164, canonical, masked

CODE_DIGITS: Final = 8
CODE_HOLDS: Final = timedelta(minutes=30)
#: Wrong codes after which a check is given up: one guess in twenty million comes through.
MOST_WRONG: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckView:
    """One check of contact."""

    id: str
    way: ContactWay
    checked_by: str
    number: str
    number_source: str
    note: str
    wrong_codes: int
    created_at: datetime
    expires_at: datetime | None
    passed_at: datetime | None
    ended_at: datetime | None

    def state(self, now: datetime) -> str:
        """Return ``passed``, ``given_up``, ``expired`` or ``waiting``."""
        if self.passed_at is not None:
            return "passed"
        if self.ended_at is not None:
            return "given_up"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "waiting"


@transaction.atomic
def begin_by_telephone(actor: Actor, *, person_id: str, number: str, number_source: str) -> tuple[CheckView, str]:
    """Begin a check by telephone; return it and the code to read out, which is shown this once.

    Args:
        actor: Who calls.
        person_id: Who is to be confirmed.
        number: The number that is called.
        number_source: Where the actor looked it up, independently of the invited person.

    Raises:
        Forbidden: The actor may not manage accounts.
        NotFound: There is no such person.
        Invalid: The number is none, or nothing is said of where it was found.
        Conflict: The person is confirmed already.
    """
    actor.require(Permission.ACCOUNT_MANAGE)
    user = _unconfirmed(person_id)
    if not number_source.strip():
        raise Invalid("Say where you looked the number up: one that the invited person gave proves nothing.")
    called, now = canonical(number), clock.now()
    code = "".join(secrets.choice("0123456789") for _ in range(CODE_DIGITS))
    ContactCheck.objects.filter(person=user, passed_at=None, ended_at=None).update(ended_at=now)
    row = ContactCheck(
        person=user,
        way=ContactWay.TELEPHONE,
        checked_by=actor.label,
        number=called,
        number_source=number_source.strip(),
        created_at=now,
        expires_at=now + CODE_HOLDS,
    )
    row.code_sha256 = _digest(row.id, code)
    row.save(force_insert=True)
    detail = {"check": row.id, "way": row.way, "number": masked(called), "number_source": row.number_source}
    record(actor, Tag.ACCOUNT_CONTACT_CHECK_BEGUN, user.id, detail)
    return _view(row), code


def answer_by_code(person_id: str, code: str) -> PersonView:
    """Take the code that was read out to the person; if it is right, open their account.

    A wrong one is counted in a transaction of its own, so that the refusal cannot undo it.

    Raises:
        NotFound: No check waits for a code: none was begun, it is too old, or too many wrong codes came.
        Invalid: The code is wrong.
    """
    with transaction.atomic():
        user = _lock(person_id)
        now = clock.now()
        row = (
            ContactCheck.objects.select_for_update(no_key=True)
            .filter(person=user, way=ContactWay.TELEPHONE, passed_at=None, ended_at=None, expires_at__gt=now)
            .order_by("-created_at")
            .first()
        )
        if row is None:
            raise NotFound("No call waits for your code now. Ask the consortium to call again.")
        who = Actor(label=f"user:{user.email}", organisation_id=user.organisation_id, person_id=user.id)
        if hmac.compare_digest(row.code_sha256, _digest(row.id, "".join(code.split())[:20])):
            return _pass(user, row, who)
        row.wrong_codes += 1
        if row.wrong_codes >= MOST_WRONG:
            row.ended_at = now
        row.save(update_fields=["wrong_codes", "ended_at"])
        record(who, Tag.ACCOUNT_CONTACT_CHECK_FAILED, user.id, {"check": row.id, "wrong_codes": row.wrong_codes})
    left = MOST_WRONG - row.wrong_codes
    raise Invalid(f"This is not the code. {left} more tries." if left else "This is not the code; ask for a new call.")


@transaction.atomic
def confirm_colleague(actor: Actor, *, person_id: str, note: str) -> PersonView:
    """Confirm a new colleague of one's own organisation, saying how one made sure of them.

    Raises:
        Forbidden: The actor may not confirm, or it would be themselves.
        NotFound: There is no such person in the actor's organisation.
        Invalid: Nothing is said of how.
        Conflict: The person is confirmed already.
    """
    actor.require(Permission.ACCOUNT_CONFIRM)
    user = _unconfirmed(person_id, organisation_id=actor.organisation_id)
    if user.id == actor.person_id:
        raise Forbidden("Nobody confirms themselves.")
    if not note.strip():
        raise Invalid("Say how you made sure that it is them: spoke in person, called their desk.")
    now = clock.now()
    row = ContactCheck.objects.create(
        person=user, way=ContactWay.COLLEAGUE, checked_by=actor.label, note=note.strip(), created_at=now
    )
    return _pass(user, row, actor)


def checks(actor: Actor, *, person_id: str) -> list[CheckView]:
    """Return every check of a person, the newest first, for who manages accounts."""
    actor.require(Permission.ACCOUNT_MANAGE)
    return [_view(row) for row in ContactCheck.objects.filter(person_id=person_id).order_by("-created_at", "id")]


def call_awaited(person_id: str) -> bool:
    """Tell whether a code for the person can be typed in now."""
    return ContactCheck.objects.filter(
        person_id=person_id,
        way=ContactWay.TELEPHONE,
        passed_at=None,
        ended_at=None,
        expires_at__gt=clock.now(),
    ).exists()


def _pass(user: User, row: ContactCheck, who: Actor) -> PersonView:
    row.passed_at = user.confirmed_at = clock.now()
    row.save(update_fields=["passed_at"])
    user.save(update_fields=["confirmed_at"])
    detail = {"check": row.id, "way": row.way, "checked_by": row.checked_by}
    detail |= {"number": masked(E164(row.number)), "number_source": row.number_source} if row.number else {}
    record(who, Tag.ACCOUNT_CONFIRMED, user.id, detail | ({"note": row.note} if row.note else {}))
    return person_view(user)


def _lock(person_id: str, organisation_id: str = "") -> User:
    rows = User.objects.select_for_update(no_key=True).filter(id=person_id)
    user = (rows.filter(organisation_id=organisation_id) if organisation_id else rows).first()
    if user is None:
        raise NotFound(f"There is no person {person_id[:20]}.")
    return user


def _unconfirmed(person_id: str, organisation_id: str = "") -> User:
    user = _lock(person_id, organisation_id)
    if user.confirmed_at is not None:
        raise Conflict(f"{user.email} is confirmed already.")
    if not user.is_active:
        raise Conflict(f"The account of {user.email} is closed.")
    return user


def _digest(check_id: str, code: str) -> str:
    # Eight digits can be guessed from a hash; without the key file they cannot.
    return hmac.new(settings.MASTER_KEY.encode(), f"contact check {check_id} {code}".encode(), sha256).hexdigest()


def _view(row: ContactCheck) -> CheckView:
    return CheckView(
        id=row.id,
        way=ContactWay(row.way),
        checked_by=row.checked_by,
        number=row.number,
        number_source=row.number_source,
        note=row.note,
        wrong_codes=row.wrong_codes,
        created_at=row.created_at,
        expires_at=row.expires_at,
        passed_at=row.passed_at,
        ended_at=row.ended_at,
    )
