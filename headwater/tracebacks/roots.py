"""The roots that carriers publish: taken in, and what an answer's proofs come to. Runs in the ``carrier`` process.

A second root for a minute, or one that does not follow from the one before, is refused and audited: a carrier that
could replace a root could replace its records. A proof that does not lead to the published root is no answer.
"""

from datetime import datetime, timedelta
from hashlib import sha256

from django.db import connection, transaction

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.accounts.permissions import Permission
from headwater.audit import actions as audit
from headwater.audit.tags import Tag
from headwater.calls.commitments import MOST_DEPTH, is_under
from headwater.errors import Conflict, Invalid
from headwater.tracebacks.checks import ProviderError
from headwater.tracebacks.models import CarrierRoot
from headwater.wire import agents as wire
from headwater.wire.commitments import VERSION, Root, Roots, Taken, minute_text, rebuilt

#: Roots in one request.
MOST_ROOTS = 200
#: How far a minute may be ahead of our clock.
AHEAD = timedelta(minutes=2)
#: Minutes from 1970 to the year 3000.
LAST_MINUTE = 541_727_520


class RootRefused(Conflict):
    """Another root stands for the minute, or the root does not follow from the one before."""


def take_roots(actor: Actor, signed: list[tuple[str, Root]], *, now: datetime | None = None) -> Taken:
    """Take in a carrier's roots, oldest first: each as it was signed, and read.

    The same roots again change nothing.

    Raises:
        Invalid: one is of a minute to come, or no root.
        RootRefused: one contradicts what stands; none of the request is taken.
    """
    actor.require(Permission.QUESTION_ANSWER)
    if len(signed) > MOST_ROOTS:
        raise Invalid(f"One request may bring {MOST_ROOTS} roots; this one has {len(signed)}.")
    now = now or clock.now()
    try:
        with transaction.atomic():
            return _take(actor, signed, now)
    except RootRefused as error:
        with transaction.atomic():
            audit.record(actor, Tag.ROOT_REFUSED, actor.provider_id, {"reason": str(error)[:2_000]})
        raise


def _take(actor: Actor, signed: list[tuple[str, Root]], now: datetime) -> Taken:
    with connection.cursor() as cursor:  # one request of a carrier after another
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"roots of {actor.provider_id}"])
    standing = CarrierRoot.objects.filter(provider_id=actor.provider_id)
    last = standing.order_by("-minute").first()
    fresh: list[CarrierRoot] = []
    for jws, root in signed:
        _check(root, now)
        before = fresh[-1] if fresh else last
        if before is not None and root.minute <= before.minute:
            _same(standing.filter(minute=root.minute).first(), jws, root)
            continue
        if before is not None and root.previous != sha256(before.jws.encode()).hexdigest():
            raise RootRefused(f"The root of {root.minute} does not follow from the last one that stands here.")
        fresh.append(
            CarrierRoot(provider_id=actor.provider_id, minute=root.minute, root=root.root, jws=jws, received_at=now)
        )
    CarrierRoot.objects.bulk_create(fresh)
    if fresh:
        detail = {"first": fresh[0].minute, "last": fresh[-1].minute, "roots": [one.root for one in fresh]}
        audit.record(actor, Tag.ROOT_TAKEN, actor.provider_id, detail)
    newest = fresh[-1] if fresh else last
    return Taken(last=newest.minute if newest else "", taken=len(fresh))


def _same(known: CarrierRoot | None, jws: str, root: Root) -> None:
    if known is None:
        raise RootRefused(f"A root of {root.minute} comes after later ones: a minute cannot be added afterwards.")
    if known.jws != jws and known.root != root.root:
        raise RootRefused(f"Another root stands for {root.minute}: a root is never replaced.")


def _check(root: Root, now: datetime) -> None:
    try:
        minute = datetime.strptime(root.minute + "+0000", "%Y-%m-%dT%H:%MZ%z")
        octets = bytes.fromhex(root.root), bytes.fromhex(root.previous)
    except ValueError:
        raise Invalid("A root names its minute as 2026-06-09T16:00Z and is written in hexadecimal.") from None
    if root.version != VERSION or any(len(one) != 32 for one in octets) or not 0 <= root.depth <= MOST_DEPTH:
        raise Invalid(f"A root has version {VERSION}, 32 octets, and a depth of at most {MOST_DEPTH}.")
    if minute > now + AHEAD:
        raise Invalid(f"The minute {root.minute} is still to come: set the agent's clock.")


def prove(provider_id: str, answer: wire.Answer) -> dict[str, str]:
    """Check every proof of an answer against the roots that stand, and return what each leg is proved by.

    Returns:
        Leg ("ingress", "egress") -> the minute since which its record is committed; legs without a proof are left out.

    Raises:
        ProviderError: a proof does not lead to the root that the carrier published for its minute.
    """
    found: dict[str, str] = {}
    for name, leg in (("ingress", answer.ingress), ("egress", answer.egress)):
        if leg is None or leg.proof is None:
            continue
        minute = leg.proof.minute[:17]
        published = CarrierRoot.objects.filter(provider_id=provider_id, minute=minute).values_list("root", flat=True)
        root = published.first()
        if root is None:
            raise ProviderError(f"no root of {minute} is published: publish it, then answer")
        try:
            proved = is_under(leg.proof, leg.record_id, leg.record_sha256, {minute: root})
        except Invalid as error:
            raise ProviderError(str(error)) from error
        if not proved:
            raise ProviderError(f"the {name} record's proof does not lead to the root published for {minute}")
        found[name] = minute
    return found


def rebuild(sent: Roots) -> list[tuple[str, Root]]:
    """Return each root of a request with the JWS that its signature must be over: each names the one before.

    Raises:
        Invalid: there are too many, or a minute is none.
    """
    if sent.version != VERSION or len(sent.roots) > MOST_ROOTS:
        raise Invalid(f"Roots have version {VERSION}, and one request brings {MOST_ROOTS} at most.")
    found: list[tuple[str, Root]] = []
    previous = sent.previous.hex()
    for short in sent.roots:
        if not 0 <= short.minute < LAST_MINUTE:
            raise Invalid("A root's minute is counted from 1970 and lies before the year 3000.")
        root = Root(
            spc=sent.spc, minute=minute_text(short.minute), depth=short.depth, root=short.root.hex(), previous=previous
        )
        jws = rebuilt(root, sent.key_id, short.signature)
        previous = sha256(jws.encode()).hexdigest()
        found.append((jws, root))
    return found
