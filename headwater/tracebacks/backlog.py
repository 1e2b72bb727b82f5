"""How many questions wait at each provider: what tracing by itself is held by."""

from collections.abc import Iterable

from django.db.models import Count

from headwater.providers.queries import ProviderView
from headwater.tracebacks import rules
from headwater.tracebacks.models import Hop
from headwater.tracebacks.rules import Budget


def with_room(providers: Iterable[ProviderView], budget: Budget) -> frozenset[str]:
    """Return the codes of the providers at which one more traceback may begin."""
    known = list(providers)
    rows = Hop.objects.filter(provider_id__in=[one.id for one in known], withdrawn_at=None, answers=None)
    waiting = dict(rows.values_list("provider_id").annotate(waiting=Count("id")))
    return frozenset(
        one.spc
        for one in known
        if rules.may_begin(by_agent=one.by_agent, open_questions=waiting.get(one.id, 0), budget=budget)
    )
