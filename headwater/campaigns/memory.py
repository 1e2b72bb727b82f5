"""The detector's memory as it is kept: loaded after a start, and stored with each change. Rows in, values out."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import Q

from headwater.campaigns import learnt
from headwater.campaigns.engine import Matcher
from headwater.campaigns.exemplars import Exemplar, Learnt
from headwater.campaigns.labels import shipped
from headwater.campaigns.models import CampaignExemplar, DetectorCheckpoint
from headwater.campaigns.naming import Namer
from headwater.campaigns.script import read

#: Where a detector that has never read begins.
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What one detector knows. After a failed action it must be thrown away and loaded again."""

    matcher: Matcher
    namer: Namer


def load() -> Memory:
    """Build the memory from the rows: the same calls will be placed as if it had never been gone."""
    labels = shipped()
    checkpoint = DetectorCheckpoint.objects.filter(id=1).first()
    epoch = checkpoint.epoch if checkpoint else 0
    rows = CampaignExemplar.objects.filter(Q(retired__isnull=True) | Q(retired__gt=epoch)).order_by("added")
    matcher = Matcher(
        (labelled.script for labelled in labels.known),
        (
            Exemplar(
                record_id=row.record_id,
                campaign_id=row.campaign_id,
                script=read(row.text),
                added=row.added,
                used=row.used,
                retired=row.retired,
            )
            for row in rows.iterator()
        ),
        clock=checkpoint.clock if checkpoint else 0,
        epoch=epoch,
        labels=labels,
        weights=learnt.weights(learnt.version_in_use()),
    )
    return Memory(matcher=matcher, namer=Namer(labels))


def checkpoint_for_update() -> DetectorCheckpoint:
    """Return the checkpoint, locked until the transaction ends: two detectors cannot move at once."""
    DetectorCheckpoint.objects.get_or_create(id=1, defaults={"received_at": BEGINNING})
    return DetectorCheckpoint.objects.select_for_update(no_key=True).get(id=1)


def store(learnt: Iterable[Learnt], texts: dict[str, str], *, now: datetime) -> None:
    """Store what keeping calls changed among the exemplars. ``texts`` is by record id."""
    added: dict[str, CampaignExemplar] = {}
    used: dict[str, int] = {}
    retired: dict[str, int] = {}
    for change in learnt:
        if change.used is not None:
            used[str(change.used)] = change.clock
        if change.retired is not None:
            retired[str(change.retired)] = change.clock
        if change.added is not None:
            key = str(change.added.record_id)
            added[key] = CampaignExemplar(
                record_id=change.added.record_id,
                campaign_id=change.added.campaign_id,
                text=texts[key],
                added_at=now,
                added=change.added.added,
                used=change.added.used,
            )
    CampaignExemplar.objects.bulk_create(added.values())
    touched = list(CampaignExemplar.objects.filter(record_id__in={*used, *retired}))
    for row in touched:
        row.used = used.get(str(row.record_id), row.used)
        row.retired = retired.get(str(row.record_id), row.retired)
    CampaignExemplar.objects.bulk_update(touched, ["used", "retired"], batch_size=500)
