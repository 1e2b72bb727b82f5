"""Weights of evidence learnt from what people decided here: kept by version, adopted and given up by a person.

The shipped weights stay the default. A version is never changed: memberships name the one that placed them, and are
replayed with it.
"""

import json
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.accounts.permissions import Permission
from headwater.audit.actions import record as audit
from headwater.audit.tags import Tag
from headwater.campaigns import edits, labels, links
from headwater.campaigns.links import Weights
from headwater.campaigns.models import LearntWeights
from headwater.errors import Conflict, NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class LearntView:
    """One version, with how it judges the pairs that people decided, beside the shipped one."""

    version: str
    decisions: int
    """Pairs of calls that it was learnt from, beside the shipped reference."""
    right: int
    """Of these, how many it judges as people did."""
    right_before: int
    """How many the shipped weights do."""
    learnt_at: datetime
    by: str
    in_use: bool


@transaction.atomic
def learn(actor: Actor) -> LearntView:
    """Learn weights from the shipped reference and from every merge and split that stands; they are not in use yet.

    Raises:
        Forbidden: the actor may not change campaigns.
        Conflict: nobody has merged or split anything yet.
    """
    actor.require(Permission.CAMPAIGN_EDIT)
    decided = edits.decisions()
    if not decided:
        raise Conflict("No merge or split stands yet: there is nothing to learn from beyond the shipped weights.")
    known = labels.shipped()
    version = f"links/own-{LearntWeights.objects.count() + 1}"
    found = links.learn(known, decided=decided, version=version)
    row = LearntWeights.objects.create(
        version=version,
        weights=json.loads(links.to_json(found)),
        decisions=len(decided),
        right=links.judged_right(found, known, decided),
        right_before=links.judged_right(links.shipped(), known, decided),
        learnt_at=clock.now(),
        by=actor.label,
    )
    audit(actor, Tag.CAMPAIGN_WEIGHTS_LEARNT, version, {"decisions": len(decided)})
    return _view(row, in_use="")


@transaction.atomic
def adopt(actor: Actor, version: str) -> None:
    """Let the detector place calls by a version from its next look on, within minutes; ``shipped`` goes back.

    Raises:
        Forbidden: the actor may not change campaigns.
        NotFound: there is no such version.
    """
    actor.require(Permission.CAMPAIGN_EDIT)
    rows = {row.version: row for row in LearntWeights.objects.select_for_update(no_key=True)}
    if version != "shipped" and version not in rows:
        raise NotFound(f"There are no weights {version}; `headwater campaigns weights` lists them.")
    for row in rows.values():
        row.adopted_at = clock.now() if row.version == version else None
        row.save(update_fields=["adopted_at"])
    audit(actor, Tag.CAMPAIGN_WEIGHTS_ADOPTED, version, {})


def versions(actor: Actor) -> tuple[LearntView, ...]:
    """Return every version, the newest first.

    Raises:
        Forbidden: the actor may not read campaigns.
    """
    actor.require(Permission.CAMPAIGN_READ)
    using = version_in_use()
    return tuple(_view(row, in_use=using) for row in LearntWeights.objects.order_by("-learnt_at"))


def version_in_use() -> str:
    """Return the version by which calls are placed now."""
    adopted = LearntWeights.objects.filter(adopted_at__isnull=False).values_list("version", flat=True).first()
    return adopted or links.shipped().version


def weights(version: str) -> Weights:
    """Return the weights of a version.

    Raises:
        NotFound: there is none of that name here, nor is it the shipped one.
    """
    if version == links.shipped().version:
        return links.shipped()
    row = LearntWeights.objects.filter(version=version).first()
    if row is None:
        raise NotFound(f"The weights {version} are not kept here.")
    return links.from_json(json.dumps(row.weights))


def _view(row: LearntWeights, *, in_use: str) -> LearntView:
    return LearntView(
        version=row.version,
        decisions=row.decisions,
        right=row.right,
        right_before=row.right_before,
        learnt_at=row.learnt_at,
        by=row.by,
        in_use=row.version == in_use,
    )
