"""What an alert says: enough to open an investigation, with called numbers masked and nobody's customer named. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from headwater.alerts.rules import RULE_VERSION
from headwater.alerts.values import Told
from headwater.campaigns.naming import NAMING_VERSION
from headwater.campaigns.values import CampaignView, Sample

#: Words of one sample that an alert carries; the whole call is in the call store.
SAMPLE_CHARACTERS = 4_000


def facts(view: CampaignView, samples: Sequence[Sample], told: Told, *, state: str) -> dict[str, Any]:
    """Return what is known of a campaign now, for the agency of ``state`` ("" for a federal one)."""
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
        "vantages": dict(told.vantages),
        "first_call_at": row.first_call_at.isoformat(),
        "last_call_at": row.last_call_at.isoformat(),
        "confirmed_at": row.confirmed_at.isoformat() if row.confirmed_at else None,
        "rate_per_minute": round(alive.rate_per_minute, 2),
        "rate_low": round(alive.rate_low, 2),
        "rate_high": round(alive.rate_high, 2),
        "rate_window_s": alive.window_s,
        "still_ringing": alive.still_ringing,
        "next_call_expected_at": alive.next_call_expected_at.isoformat() if alive.next_call_expected_at else None,
        "rule_version": view.rule_version,
        "alert_rule": RULE_VERSION,
        "origin": _origin(told),
        "confidence": _confidence(view, told),
        "recordings_note": told.recordings_note,
        "samples": [_sample(sample, told) for sample in samples],
    }


def _origin(told: Told) -> dict[str, Any]:
    origin = told.origin
    return {
        "grade": origin.grade,
        "grade_words": origin.grade_words,
        "name": origin.name,
        "confirmed": origin.confirmed,
        "tracebacks": origin.tracebacks,
        "running": origin.running,
        "signers": [{"spc": spc, "attest": attest, "calls": calls} for spc, attest, calls in origin.signers],
    }


def _confidence(view: CampaignView, told: Told) -> dict[str, Any]:
    """Return what the attribution rests on, in figures; no single score hides them."""
    return {
        "support": round(told.support, 3) if told.support is not None else None,
        "senders": told.senders,
        "vantages": len(told.vantages),
        "name_score": view.name_basis.get("score"),
        "calling_numbers": view.calling_numbers,
        "of_calls": view.sampled_calls,
    }


def _sample(sample: Sample, told: Told) -> dict[str, Any]:
    member = sample.member
    recorded = told.recordings.get(str(member.record_id))
    return {
        "record_id": str(member.record_id),
        "call_at": member.call_at.isoformat(),
        "calling": member.calling,
        "called": member.called_masked,
        "called_state": member.called_state,
        "terminating_spc": member.terminating_spc,
        "transcript": sample.text[:SAMPLE_CHARACTERS],
        "transcript_cut": len(sample.text) > SAMPLE_CHARACTERS,
        "recording": {"sha256": recorded.sha256, "media_type": recorded.media_type} if recorded else None,
        "why": member.reason.sentence,
        "rule_version": member.reason.rule_version,
    }
