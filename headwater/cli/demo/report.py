"""What a demo reports: what Headwater found, beside what was true. The only place where the two meet."""

import json
import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from headwater.cli.demo.memory import Memory
from headwater.identifiers import record_id
from headwater.simulator.truth import Truth


@dataclass(slots=True, kw_only=True)
class Found:
    """What was read from the product's own queries and pages, step by step; times are seconds of the story."""

    ready_s: float = 0.0
    """From the start of the command until the hub, agents and simulator ran."""
    campaign_id: str = ""
    campaign_name: str = ""
    campaign_name_status: str = ""
    found_at_call: int = 0
    """How many calls the campaign had when it was confirmed."""
    members: list[uuid.UUID] = field(default_factory=list)
    """Records of the calls that Headwater put into the campaign."""
    campaign_s: float = 0.0
    traceback_id: str = ""
    traced_record: uuid.UUID | None = None
    traceback_seconds: float = 0.0
    """From its opening to its close, by the hub's clock."""
    hops: list[str] = field(default_factory=list)
    """Codes of the providers on the path, the terminating one first."""
    grade: str = ""
    origin: str = ""
    process_id: str = ""
    package: str = ""
    package_sha256: str = ""
    package_checks: list[str] = field(default_factory=list)
    package_ok: bool = False
    sealed_s: float = 0.0
    liveness_per_minute: float = 0.0
    liveness_low: float = 0.0
    liveness_high: float = 0.0
    still_ringing: bool = False
    liveness_at: datetime | None = None
    liveness_window_s: int = 0
    campaigns: list[dict[str, Any]] = field(default_factory=list)
    """Every campaign that was confirmed, and how each of its tracebacks stood at the end."""


@dataclass(slots=True, kw_only=True)
class Ending:
    """What came of the notice to the origin, where the demo goes on that far."""

    notice_id: str = ""
    provider: str = ""
    """Code of the provider that was told."""
    accounts_ended: int = 0
    acted_at: datetime | None = None
    """From when it reports to have acted."""
    verdict: str = ""
    """What the desk's page said at last."""
    sentence: str = ""
    shown_after_s: float = 0.0
    """From the report until the page said that the calls stopped; 0.0 where it has not."""
    not_done: str = ""
    """Why the leg ended early, in words."""


def judge(found: Found, truths: Sequence[Truth], sources: dict[str, str]) -> tuple[dict[str, Any], list[str]]:
    """Return the ground truth beside ``found``, and what is wrong, in words; nothing wrong means success.

    ``sources`` tells under which identifier the hub stores the records of each partner.
    """
    by_record = {record_id(sources[truth.partner], truth.event_id): truth for truth in truths if truth.event_id}
    traced = by_record.get(found.traced_record) if found.traced_record else None
    labels = Counter(by_record[record].campaign for record in found.members if record in by_record)
    label, share = _majority(labels)
    true = {
        "campaign_label": label,
        "campaign_label_share": share,
        "traced_call": _call(traced),
        "origin": traced.origin if traced else "",
        "path_from_terminating": list(reversed(traced.path)) if traced else [],
        "name_matches_label": bool(label) and found.campaign_name == label,
        **_rates(label, truths, found),
    }
    _compare_all(found, by_record)
    return true, list(_wrong(found, traced))


def _compare_all(found: Found, by_record: dict[uuid.UUID, Truth]) -> None:
    """Write beside each traceback of each campaign what its call's path truly was, as far as it is known."""
    for campaign in found.campaigns:
        for trace in campaign["tracebacks"]:
            truth = by_record.get(uuid.UUID(trace["record_id"]))
            trace["true_path"] = list(reversed(truth.path)) if truth else []
            # A traceback may stop early, but must not name a provider that the call never touched.
            trace["on_true_path"] = trace["hops"] == trace["true_path"][: len(trace["hops"])]


def _wrong(found: Found, traced: Truth | None) -> Iterable[str]:
    if not found.campaign_id:
        yield "No campaign was confirmed."
    yield from _wrong_path(found, traced)
    for campaign in found.campaigns:
        for trace in campaign["tracebacks"]:
            if not trace["on_true_path"]:
                yield f"{trace['id']} names the path {trace['hops']}; in truth it is {trace['true_path']}."
    if not found.package:
        yield "No package was sealed and downloaded."
    elif not found.package_ok:
        yield f"The package {found.package} does not verify."


def _wrong_path(found: Found, traced: Truth | None) -> Iterable[str]:
    if not found.traceback_id:
        yield "No traceback ended with a confirmed origin."
    elif traced is None:
        yield f"The traced record {found.traced_record} is not one that the simulator reported."
    else:
        if found.origin != traced.origin:
            yield f"The origin is named {found.origin or 'nobody'}; in truth it is {traced.origin}."
        if found.hops != list(reversed(traced.path)):
            yield f"The path is named {found.hops}; in truth it is {list(reversed(traced.path))}."


def _majority(labels: Counter[str]) -> tuple[str, float]:
    if not labels:
        return "", 0.0
    label, count = labels.most_common(1)[0]
    return label, round(count / labels.total(), 4)


def _call(truth: Truth | None) -> dict[str, Any]:
    if truth is None:
        return {}
    return {"number": truth.number, "at": truth.at, "campaign": truth.campaign, "event_id": truth.event_id}


def _rates(label: str, truths: Sequence[Truth], found: Found) -> dict[str, float]:
    """Return how often the campaign truly rang, and how often that had been reported, over the hub's own window."""
    if not label or found.liveness_at is None or not found.liveness_window_s:
        return {}
    end, window = found.liveness_at, found.liveness_window_s
    rang = [
        truth
        for truth in truths
        if truth.campaign == label and 0 <= (end - datetime.fromisoformat(truth.at)).total_seconds() <= window
    ]
    # A call is reported when it is over: what rings now is not known to the hub yet.
    reported = [truth for truth in rang if truth.transcript and datetime.fromisoformat(truth.reported_at) <= end]
    return {
        "rang_per_minute": round(len(rang) * 60 / window, 2),
        "reported_with_transcript_per_minute": round(len(reported) * 60 / window, 2),
    }


def write(
    path: Path,
    *,
    found: Found,
    true: dict[str, Any],
    wrong: Sequence[str],
    seed: int,
    carriers: int,
    memory: Memory,
    simulator: dict[str, Any],
) -> None:
    """Write the report as JSON."""
    facts = asdict(found)
    facts["members"] = len(found.members)
    report = {
        "ok": not wrong,
        "wrong": list(wrong),
        "seed": seed,
        "carriers": carriers,
        "found": facts,
        "true": true,
        "memory_mib": {
            "peak_pss": memory.peak_pss_mib,
            "peak_rss_sum": memory.peak_rss_mib,
            "pss_by_program_at_peak": memory.peak_by_program,
            "samples": memory.samples,
        },
        "simulator": simulator,
    }
    path.write_text(json.dumps(report, indent=2, default=str) + "\n")


def add_ending(path: Path, ending: Ending, truths: Sequence[Truth], label: str) -> None:
    """Add to the report in ``path`` what came of the notice, beside how often the origin's calls truly rang after.

    ``label`` is the campaign as the simulator knows it.
    """
    told = json.loads(path.read_text())
    told["relief"] = asdict(ending) | {"true_calls_after": _rang_after(ending, truths, label)}
    # In one step: whoever waits for the report reads it at any time.
    draft = path.with_name(path.name + ".new")
    draft.write_text(json.dumps(told, indent=2, default=str) + "\n")
    draft.replace(path)


def _rang_after(ending: Ending, truths: Sequence[Truth], label: str) -> int | None:
    """Return how many calls of the campaign the provider's customers placed after it acted; None where it did not."""
    if ending.acted_at is None:
        return None
    mine = [truth for truth in truths if truth.campaign == label and truth.origin == ending.provider]
    return sum(datetime.fromisoformat(truth.at) > ending.acted_at for truth in mine)
