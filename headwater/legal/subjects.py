"""What a process names: kept beside it, each one that the agency was told of; and which of them were opened."""

from headwater.alerts.models import Alert
from headwater.campaigns.merged import united
from headwater.campaigns.models import Campaign
from headwater.errors import NotFound
from headwater.legal.models import LegalProcess, ProcessSubject
from headwater.legal.proposal import About
from headwater.legal.rules import Subjects
from headwater.reports.queries import campaigns_reported
from headwater.tracebacks.models import Traceback


def named(agency: str, asked: Subjects, alert: Alert | None) -> Subjects:
    """Return what a process is about: what it names, or else the campaign of its alert.

    Raises:
        NotFound: a campaign that the agency was not told of, or a traceback of none that it was. The answer does not
            tell whether it exists.
    """
    found = asked or Subjects(campaigns=frozenset({alert.campaign_id} if alert else ()))
    told = campaigns_told(agency)
    if alert is not None:
        told |= united({alert.campaign_id})
    for campaign in sorted(found.campaigns - told):
        raise NotFound(f"There is no campaign {campaign[:20]} that your agency was told of. Check the number.")
    known = Traceback.objects.filter(id__in=found.tracebacks, campaign_id__in=told).values_list("id", flat=True)
    for traceback in sorted(found.tracebacks - set(known)):
        raise NotFound(f"There is no traceback {traceback[:20]} of a campaign that your agency was told of.")
    return found


def campaigns_told(agency: str) -> set[str]:
    """Return the campaigns that an agency was told of: by an alert, or because a call that it reported is in them."""
    alerted = Alert.objects.filter(organisation_id=agency).values_list("campaign_id", flat=True)
    return set(united({*alerted, *campaigns_reported(agency)}))


def about(agency: str, found: Subjects, alert: Alert | None) -> str:
    """Return the campaign that a process is about: always one that the agency was told of.

    Raises:
        NotFound: it names numbers alone, and no such campaign has calls from them.
    """
    if alert is not None:
        return alert.campaign_id
    if found.campaigns:
        return min(found.campaigns)
    traced = Traceback.objects.filter(id__in=found.tracebacks).exclude(campaign_id=None).order_by("id")
    called = Campaign.objects.filter(id__in=campaigns_told(agency), members__calling__in=found.numbers).order_by("id")
    campaign = traced.values_list("campaign_id", flat=True).first() or called.values_list("id", flat=True).first()
    if campaign is None:
        raise NotFound(
            "No campaign that your agency was told of has calls from these numbers. Name the campaign, or report the "
            "calls first."
        )
    return campaign


def facts(agency: str, found: Subjects) -> About:
    """Return what a form is filled in with for these subjects; empty of none.

    Raises:
        NotFound: the agency was not told of one of them.
    """
    if not found:
        return About()
    named(agency, found, None)
    campaign = Campaign.objects.get(id=about(agency, found, None))
    return About(
        campaign_id=campaign.id,
        campaign_name=campaign.name,
        tracebacks=tuple(sorted(found.tracebacks)),
        first_call=campaign.first_call_at,
    )


def keep(row: LegalProcess, found: Subjects) -> None:
    """Keep what a process is about, in place of what was kept."""
    row.subjects.all().delete()
    ProcessSubject.objects.bulk_create(
        ProcessSubject(process=row, kind=kind, value=value)
        for kind, values in (("campaign", found.campaigns), ("traceback", found.tracebacks), ("number", found.numbers))
        for value in sorted(values)
    )


def grant(row: LegalProcess, opened: Subjects) -> None:
    """Note which of its subjects an acceptance opened."""
    for kind, values in (
        ("campaign", opened.campaigns), ("traceback", opened.tracebacks), ("number", opened.numbers),
    ):  # fmt: skip
        row.subjects.filter(kind=kind, value__in=values).update(granted=True)
