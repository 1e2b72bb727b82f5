"""Trends of one provider, by its part in the calls: it delivered them, signed them, or its customer placed them."""

from datetime import datetime
from enum import StrEnum

from django.conf import settings
from django.db.models import Sum

from headwater.accounts.actors import Actor
from headwater.accounts.permissions import OrganisationKind
from headwater.calls import queries as calls
from headwater.calls import trends as store
from headwater.errors import NotFound
from headwater.signers.models import SignerHour
from headwater.tracebacks.models import Traceback
from headwater.tracebacks.states import Grade
from headwater.trends import queries
from headwater.trends.models import Cut, TrendHour
from headwater.trends.queries import TrendView
from headwater.trends.series import Series


class Part(StrEnum):
    """What a provider did with the calls."""

    DELIVERED = "delivered"
    SIGNED = "signed"
    ORIGIN = "origin"

    @property
    def label(self) -> str:
        """The words on screen."""
        return {"delivered": "Delivered by", "signed": "Signed by", "origin": "Last known origin"}[self.value]


def trend(actor: Actor, part: Part, key: str, *, now: datetime, days: int = 7) -> TrendView:
    """Return one provider over the last ``days``.

    Delivered: every call of the call store, by vantage point, ``key`` an SPC or OCN. Signed: Identity tokens, as
    carriers' captures showed them. Origin (``key`` a provider's identifier): calls of the campaigns whose last
    traceback with a confirmed origin ended there, which need not all have come from it.

    Raises:
        Forbidden: the actor reads no trends.
        NotFound: single providers are open to the consortium's people alone.
        StoreUnavailable: the call store does not answer.
    """
    queries.require(actor)
    if actor.organisation_kind is not OrganisationKind.CONSORTIUM:
        raise NotFound("Trends of single providers are open to the consortium's people alone.")
    queries.check_days(days)
    found, note = _READ[part](key, queries.look_back(now), now)
    return queries.view(part.value, key, f"{part.label} {key}", found, now=now, days=days, note=note)


def _delivered(key: str, since: datetime, now: datetime) -> tuple[list[Series], str]:
    hours = store.by_vantage(
        calls.connect(settings.HEADWATER.calls_url),
        start=since,
        end=queries.end_of(now),
        dimension=store.Dimension.PROVIDER,
        key=key,
    )
    found = [Series(vantage=vantage, hours=hours[vantage]) for vantage in queries.ordered(hours)]
    return found, "Every call that it delivered to a subscriber, campaign or not, as the call store has them."


def _signed(key: str, since: datetime, now: datetime) -> tuple[list[Series], str]:
    rows = SignerHour.objects.filter(spc=key, hour__gte=since, hour__lte=now).order_by()
    hours = dict(rows.values_list("hour").annotate(number=Sum("tokens")).values_list("hour", "number"))
    found = [Series(vantage="carrier", hours=hours)] if hours else []
    return found, "Identity tokens that it signed, as carriers' captures showed them; a call may carry several."


def _origin(key: str, since: datetime, now: datetime) -> tuple[list[Series], str]:
    ids = [campaign for campaign, provider in origins().items() if provider == key]
    rows = TrendHour.objects.filter(cut=Cut.CAMPAIGN, campaign_id__in=ids, calls__gt=0)
    found = queries.gather(rows.filter(hour__gte=since, hour__lte=now))
    note = (
        f"Calls of the {len(ids)} campaign{'' if len(ids) == 1 else 's'} whose last traceback with a confirmed origin "
        "ended at it; not every call of a campaign need have come from one origin."
    )
    return found, note


_READ = {Part.DELIVERED: _delivered, Part.SIGNED: _signed, Part.ORIGIN: _origin}


def origins() -> dict[str, str]:
    """Return campaign -> the provider that its last traceback with a confirmed origin found. For Headwater itself."""
    rows = Traceback.objects.filter(grade=Grade.ORIGIN_CONFIRMED, campaign__isnull=False, origin__isnull=False)
    # Of several, the last wins.
    return dict(rows.order_by("closed_at").values_list("campaign_id", "origin_id"))
