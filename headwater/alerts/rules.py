"""Which agency is told of a campaign, and what. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headwater.campaigns.naming import NAMING_VERSION
from headwater.campaigns.values import CampaignView, Sample

#: Words of one sample that an alert carries; the whole call is in the call store.
SAMPLE_CHARACTERS = 4_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Agency:
    """An agency as far as alerts need it. ``state`` is "" for a federal one."""

    organisation_id: str
    state: str


def to_tell(agencies: Iterable[Agency], states_hit: Iterable[str], told: Iterable[str]) -> list[Agency]:
    """Return the agencies still to be told: those of a state that was hit, and every federal one."""
    hit, before = set(states_hit), set(told)
    return [
        agency
        for agency in agencies
        if agency.organisation_id not in before and (not agency.state or agency.state in hit)
    ]


def facts(view: CampaignView, samples: Sequence[Sample], *, state: str) -> dict[str, Any]:
    """Return what was known when the alert went out; called numbers are masked in it."""
    row, alive = view.row, view.liveness
    states: Mapping[str, int] = dict(row.states_hit)
    return {
        "campaign": row.id,
        "name": row.name,
        "name_status": row.name_status.value,
        "name_is_new": row.name_is_new,
        "name_basis": dict(view.name_basis) or {"rule": NAMING_VERSION},
        "family": row.family,
        "state": row.state.value,
        "calls": row.calls,
        "calls_in_state": states.get(state, 0) if state else row.calls,
        "states_hit": states,
        "first_call_at": row.first_call_at.isoformat(),
        "last_call_at": row.last_call_at.isoformat(),
        "confirmed_at": row.confirmed_at.isoformat() if row.confirmed_at else None,
        "rate_per_minute": round(alive.rate_per_minute, 2),
        "rate_low": round(alive.rate_low, 2),
        "rate_high": round(alive.rate_high, 2),
        "rate_window_s": alive.window_s,
        "still_ringing": alive.still_ringing,
        "rule_version": view.rule_version,
        "samples": [_sample(sample) for sample in samples],
    }


def _sample(sample: Sample) -> dict[str, Any]:
    member = sample.member
    return {
        "record_id": str(member.record_id),
        "call_at": member.call_at.isoformat(),
        "calling": member.calling,
        "called": member.called_masked,
        "called_state": member.called_state,
        "terminating_spc": member.terminating_spc,
        "transcript": sample.text[:SAMPLE_CHARACTERS],
        "transcript_cut": len(sample.text) > SAMPLE_CHARACTERS,
        "why": member.reason.sentence,
        "rule_version": member.reason.rule_version,
    }
