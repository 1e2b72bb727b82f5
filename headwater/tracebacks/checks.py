"""Answers that cannot be true: refused at the door and by the engine alike. Pure; changes no state."""

from datetime import datetime, timedelta

from headwater.errors import Invalid
from headwater.tracebacks.outcomes import NAMES_UPSTREAM
from headwater.tracebacks.trace import Hop, Statement, Trace
from headwater.wire.agents import AnswerCode

#: How far beyond its window a matched record may lie before it cannot be the call that was asked about.
WINDOW_SLACK = timedelta(minutes=5)
#: How far a provider's clock may be ahead of ours.
CLOCK_SKEW = timedelta(minutes=5)
#: Country codes inside the FCC's jurisdiction: a provider there is not foreign (47 CFR 64.6300).
DOMESTIC = frozenset({"US", "PR", "VI", "GU", "AS", "MP"})


class ProviderError(Invalid):
    """The provider's answer is impossible: it is refused, and the octets are kept."""


def check(trace: Trace, hop: Hop, said: Statement, now: datetime) -> None:
    """Refuse an answer that cannot be true.

    Raises:
        ProviderError: with the reason, for the provider to read.
    """
    upstream = said.upstream
    if said.code in NAMES_UPSTREAM and upstream is None:
        raise ProviderError(f"{said.code} must name the provider that the call was received from")
    if said.code not in NAMES_UPSTREAM and upstream is not None:
        raise ProviderError(f"{said.code} names no upstream, but {upstream.title} is named")
    if upstream and upstream.spc and upstream.spc == hop.respondent.spc:
        raise ProviderError(f"{upstream.spc} names itself as its upstream")
    if upstream and said.code is AnswerCode.UPSTREAM_FOREIGN and upstream.country in DOMESTIC:
        raise ProviderError(f"UPSTREAM_FOREIGN names {upstream.title} in {upstream.country}: give its country")
    if upstream and said.code is AnswerCode.UPSTREAM_US and upstream.country not in DOMESTIC:
        raise ProviderError(f"UPSTREAM_US names {upstream.title} in {upstream.country}: answer UPSTREAM_FOREIGN")
    if not hop.asked_at - CLOCK_SKEW <= said.answered_at <= now + CLOCK_SKEW:
        raise ProviderError(f"answered at {said.answered_at:%Y-%m-%d %H:%M:%SZ}: before the question or in the future")
    reach = timedelta(seconds=hop.window_s) + WINDOW_SLACK
    if said.matched_at and abs(said.matched_at - hop.call.call_at) > reach:
        raise ProviderError(f"the record lies more than {reach} from the call that was asked about")
    for other in trace.path:
        if other.index < hop.index and other.respondent.provider_id == hop.respondent.provider_id:
            _check_loop(other, said)


def _check_loop(earlier: Hop, said: Statement) -> None:
    """A provider may stand on a path twice with different records, never twice with the same one."""
    before = earlier.statement
    if before and said.code in NAMES_UPSTREAM and (before.record or before.ingress) == (said.record or said.ingress):
        raise ProviderError(
            f"the same record was given at hop {earlier.index} already: a call passes a provider twice "
            "only with two records"
        )
