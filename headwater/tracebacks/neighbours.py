"""Who may have handed a call to a provider: those that earlier answers show doing so, and the verified signer."""

from django.db.models import Count

from headwater.calls.records import CallRecord
from headwater.providers import queries as providers
from headwater.providers.models import AnswerChannel
from headwater.signers import queries as signers
from headwater.tracebacks import exchange
from headwater.tracebacks.models import Hop
from headwater.tracebacks.trace import CARRIED, Respondent, Signer

#: Most providers that are asked whether they handed a call to one: those named most often first.
MOST_ASKED = 8
#: Most providers that are asked whether they carried a call at all.
MOST_SEARCHED = 24


def upstream_of(provider_id: str, *, signer: Signer | None = None) -> tuple[Respondent, ...]:
    """Return providers that answer by agent and have handed calls to ``provider_id`` in earlier tracebacks.

    A person is not asked to search for a call on a mere possibility.
    """
    rows = (
        Hop.objects.filter(provider_id=provider_id, upstream__channel=AnswerChannel.AGENT.value)
        .values_list("upstream_id")
        .annotate(times=Count("id"))
        .order_by("-times", "upstream_id")[:MOST_ASKED]
    )
    found = [exchange.respondent(one) for upstream_id, _ in rows if (one := providers.by_id(upstream_id))]
    if signer is not None and signer.respondent.by_agent:
        found = [signer.respondent, *(one for one in found if one.provider_id != signer.respondent.provider_id)]
    return tuple(one for one in found if one.provider_id != provider_id)


def carried_for(
    campaign_id: str | None, *, signer: Signer | None = None, without: frozenset[str] = frozenset()
) -> tuple[Respondent, ...]:
    """Return providers that may have carried a call of a campaign at all: the signer, and who carried others of it.

    Of the latter those that answer by agent, on most paths first.
    """
    found: list[Respondent] = []
    if signer is not None and signer.respondent.by_agent:
        found.append(signer.respondent)
    if campaign_id:
        rows = (
            Hop.objects.filter(
                traceback__campaign_id=campaign_id,
                provider__channel=AnswerChannel.AGENT.value,
                answer_code__in=[code.value for code in CARRIED],
            )
            .values_list("provider_id")
            .annotate(times=Count("traceback_id", distinct=True))
            .order_by("-times", "provider_id")[:MOST_SEARCHED]
        )
        found += [exchange.respondent(one) for provider_id, _ in rows if (one := providers.by_id(provider_id))]
    return tuple({one.provider_id: one for one in found if one.provider_id not in without}.values())


def signer_of(record: CallRecord) -> Signer | None:
    """Return who signed a record's call by a token that verified as a whole, where the register has that provider.

    Raises:
        Unavailable: the token came with several calls, and the call store does not answer which of them this is.
    """
    found = signers.of_calls([record]).get(record.record_id)
    if found is None or not found.valid or not found.provider_id:
        return None
    one = providers.by_id(found.provider_id)
    return Signer(respondent=exchange.respondent(one), attest=found.attest) if one else None
