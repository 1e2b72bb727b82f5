"""The hub's own judgement of a record that a provider gives: is it the call that was asked about? Pure.

It is the matching that the agents run (``calls.matching``), on the question's leg and the leg of the answer.
"""

from datetime import datetime

from headwater.calls import matching
from headwater.calls.matching import Side
from headwater.numbering.numbers import canonical
from headwater.wire import agents as wire


def judge(asked: wire.Question, leg: wire.Leg) -> int:
    """Return the probability, in millionths, that ``leg`` is the one asked about; -1 where its time says nothing."""
    try:
        start, given = datetime.fromisoformat(asked.call_at), datetime.fromisoformat(leg.call_at)
    except ValueError:
        return -1
    if start.tzinfo is None or given.tzinfo is None:
        return -1
    wanted = Side(
        start=start.timestamp(),
        calling=canonical(asked.calling),
        called=canonical(asked.called),
        call_id=asked.call_id,
        identity=asked.identity_digest,
    )
    sent = Side(
        start=given.timestamp(),
        calling=canonical(leg.calling),
        called=canonical(leg.called),
        call_id=leg.call_id,
        identity=leg.identity_digest,
    )
    ranked = matching.rank(wanted, [sent], window_s=asked.window_s)
    return round(ranked.probabilities[0] * 1_000_000)
