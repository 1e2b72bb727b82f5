"""Deposits of carriers: taken in by the ``carrier`` process, which cannot open them; forgotten after their time.

One row a batch: a label is an entry of the row's index, not a row of its own. A carrier's batches are met under its own
provider alone; its labels are under its own key. Who opens them, and when: ``tracebacks.deposited``.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from django.db import IntegrityError, transaction
from django.db.models import Max, Min, Sum

from headwater import clock, jobs
from headwater.accounts.actors import Actor, system
from headwater.accounts.permissions import Permission
from headwater.audit import actions as audit
from headwater.audit.tags import Tag
from headwater.calls.deposits import MOST_RECORDS
from headwater.errors import Conflict, Invalid, Unavailable
from headwater.tracebacks import exchange
from headwater.tracebacks.checks import ProviderError
from headwater.tracebacks.models import Deposit, DepositEpoch, Hop
from headwater.tracebacks.states import OPEN_STATES
from headwater.wire import deposits as wire

#: The approver's private key (hexadecimal, for the ``work`` process) and its public half, for everybody.
KEY: Final = "deposit-key"
APPROVER: Final = "deposit-approver.pub"
#: How far a deposit's own time may be ahead of our clock.
AHEAD: Final = timedelta(minutes=2)
#: Epochs of one provider at once: one a month, and some to spare.
MOST_EPOCHS: Final = 60


class DepositRefused(Conflict):
    """The deposit contradicts what stands."""


def approver_key(secrets: Path) -> X25519PrivateKey:
    """Read the approver's private key.

    Raises:
        Unavailable: it is missing or none.
    """
    try:
        return X25519PrivateKey.from_private_bytes(bytes.fromhex((secrets / KEY).read_text().strip()))
    except (OSError, ValueError) as error:
        raise Unavailable(f"The key {secrets / KEY} cannot be read. Run `headwater database prepare`.") from error


def terms(secrets: Path, *, kept_days: int) -> wire.DepositTerms:
    """Return to whom deposits are sealed.

    Raises:
        Unavailable: the approver's public key is missing.
    """
    try:
        approver = (secrets / APPROVER).read_text().strip()
    except OSError as error:
        raise Unavailable(f"The key {secrets / APPROVER} cannot be read. Run `headwater database prepare`.") from error
    return wire.DepositTerms(approver=approver, most_records=MOST_RECORDS, kept_days=kept_days)


def take(
    actor: Actor, batch: wire.Deposit, *, octets: bytes, key_id: str, now: datetime | None = None
) -> tuple[wire.Deposited, bool]:
    """Take in a batch whose root and signature hold. Returns what stands, and whether it is new.

    Raises:
        Invalid: it is from a time to come.
        DepositRefused: its epoch has another label key here.
    """
    actor.require(Permission.QUESTION_ANSWER)
    now = now or clock.now()
    deposited_at = _deposited_at(batch, now)
    try:
        with transaction.atomic():
            _epoch(actor, batch, now)
            row, fresh = Deposit.objects.defer("octets", "labels").get_or_create(
                provider_id=actor.provider_id,
                root=batch.root.hex(),
                defaults={
                    "epoch": batch.epoch,
                    "octets": octets,
                    "labels": sorted({number(one.label) for one in batch.records}),
                    "records": len(batch.records),
                    "key_id": key_id,
                    "deposited_at": deposited_at,
                    "received_at": now,
                },
            )
            if fresh:
                _look_again(actor)
                detail = {"deposit": row.id, "records": row.records, "epoch": row.epoch, "root": row.root}
                audit.record(actor, Tag.DEPOSIT_TAKEN, actor.provider_id, detail)
    except IntegrityError as error:
        raise DepositRefused("Two requests brought the same deposit at once: send it again.") from error
    return (
        wire.Deposited(
            deposit_id=row.id, root=row.root, records=row.records, received_at=exchange.instant(row.received_at)
        ),
        fresh,
    )


def _deposited_at(batch: wire.Deposit, now: datetime) -> datetime:
    try:
        at = exchange.parsed(batch.deposited_at, "deposited_at")
    except ProviderError as error:
        raise Invalid(str(error)) from error
    if at > now + AHEAD:
        raise Invalid("The deposit is from a time to come: set the agent's clock.")
    return at


def _epoch(actor: Actor, batch: wire.Deposit, now: datetime) -> None:
    known, fresh = DepositEpoch.objects.get_or_create(
        provider_id=actor.provider_id,
        epoch=batch.epoch,
        defaults={"sender": batch.label_key.sender, "wrapped": batch.label_key.octets, "first_at": now},
    )
    if (bytes(known.sender), bytes(known.wrapped)) != (batch.label_key.sender, batch.label_key.octets):
        raise DepositRefused(f"The epoch {batch.epoch} has another label key here: begin an epoch of another name.")
    if fresh and DepositEpoch.objects.filter(provider_id=actor.provider_id).count() > MOST_EPOCHS:
        raise DepositRefused(f"A provider has {MOST_EPOCHS} epochs at most: begin one a month.")


def _look_again(actor: Actor) -> None:
    """Let the open questions of the provider be looked up anew: the record may have come with this deposit."""
    waiting = Hop.objects.filter(
        provider_id=actor.provider_id, answers=None, withdrawn_at=None, traceback__state__in=list(OPEN_STATES)
    )
    for traceback_id in sorted(set(waiting.values_list("traceback_id", flat=True)[:200])):
        jobs.defer(jobs.Job.ADVANCE_TRACEBACK, once=f"advance {traceback_id}", traceback_id=traceback_id)


def number(label: bytes) -> int:
    """Return a label as the index has it: PostgreSQL's whole numbers of 64 bits are signed."""
    return int.from_bytes(label, signed=True)


def note_refused(actor: Actor, octets: bytes, *, reason: str) -> None:
    """Write down that a deposit was refused, with the digest of what was sent."""
    with transaction.atomic():
        detail = {"reason": reason[:2_000], "sha256": sha256(octets).hexdigest(), "octets": len(octets)}
        audit.record(actor, Tag.DEPOSIT_REFUSED, actor.provider_id, detail)


# -- what is seen of them


@dataclass(frozen=True, slots=True, kw_only=True)
class DepositsView:
    """What one provider has deposited and is kept."""

    batches: int
    records: int
    oldest_at: datetime | None
    newest_at: datetime | None


def of_provider(actor: Actor, provider_id: str) -> DepositsView:
    """Return what a provider has deposited: one's own, or any for the desk; others see none."""
    whose = provider_id if actor.may(Permission.TRACEBACK_READ) else actor.provider_id
    found = Deposit.objects.filter(provider_id=whose if whose == provider_id else "")
    sums = found.aggregate(records=Sum("records"), oldest=Min("received_at"), newest=Max("received_at"))
    return DepositsView(
        batches=found.count(),
        records=sums["records"] or 0,
        oldest_at=sums["oldest"],
        newest_at=sums["newest"],
    )


# -- retention, in the worker


def forget(*, days: int, now: datetime) -> int:
    """Delete the deposits that are older than ``days``; what was opened stays with its answer. Returns how many."""
    with transaction.atomic():
        old = Deposit.objects.filter(received_at__lt=now - timedelta(days=days))
        count, records = old.count(), old.aggregate(records=Sum("records"))["records"] or 0
        if count:
            old.delete()
            detail = {"deposits": count, "records": records, "days": days}
            audit.record(system("deposit-retention"), Tag.DEPOSIT_FORGOTTEN, "deposits", detail)
    return count
