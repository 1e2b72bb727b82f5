"""Gathers part 7: what the register and these tracebacks hold of each provider, as of the sealing.

A count is always split by the provider's role in the call: being on the path of many calls says how much traffic a
provider carries, not what it did.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from statistics import median
from typing import Any

from headwater.accounts.actors import system
from headwater.conduct import queries as conduct
from headwater.conduct.models import ConductFlag
from headwater.conduct.states import ConductFlagKind
from headwater.evidence.material import instant
from headwater.providers.models import AnswerChannel, Provider
from headwater.providers.registries import queries as registries

#: Filings that no longer stand, the newest first; a package is no copy of a registry.
MOST_FILINGS = 20
NO_FILING = "No registry that is loaded here lists this provider as of the sealing. That may be for want of a load."


def gather(
    notices: Sequence[Mapping[str, Any]],
    rows: Sequence[Mapping[str, Any]],
    flags: Sequence[Mapping[str, Any]],
    now: datetime,
) -> tuple[dict[str, Any], ...]:
    """Return one dossier for each provider that was asked, by code, with its filings as of ``now``."""
    asked: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    path: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    said: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for notice in notices:
        asked[notice["provider_spc"]].append(notice)
    for row in rows:
        path[row["provider_spc"]].append(row)
    for flag in flags:
        said[flag["provider_spc"]].append(flag)
    listed = Provider.objects.filter(spc__in=asked).prefetch_related("keys").order_by("spc")
    actor = system("sealing")
    return tuple(
        {
            **_dossier(row, asked[row.spc], path[row.spc], said[row.spc]),
            "filings": _filings(registries.of_provider(actor, row.id, now)),
            "standing_flags": _standing(conduct.visible_flags(actor).filter(provider_id=row.id, ended_at=None)),
        }
        for row in listed
    )


def _filings(found: registries.Found) -> dict[str, Any]:
    """Return what the registries said of a provider at the sealing, and what they said before: RMD, 499, OCN, DNO."""
    return {
        "as_of": instant(found.at),
        "listed": [_entry(entry) for entry in found.listed],
        "before": [_entry(entry) for entry in found.history[:MOST_FILINGS]],
        "older_filings_not_shown": max(len(found.history) - MOST_FILINGS, 0),
        "note": NO_FILING if not found.listed else "",
    }


def _entry(entry: registries.EntryView) -> dict[str, Any]:
    return {
        "registry": entry.registry,
        "key": entry.key,
        "name": entry.name,
        "frn": entry.frn,
        "ocn": entry.ocn,
        "as_filed": dict(entry.detail),
        "listed_from": instant(entry.valid_from),
        "listed_to": instant(entry.valid_to),
    }


def _standing(flags: Iterable[ConductFlag]) -> list[dict[str, Any]]:
    """Return the flags that stand on a provider's record, which are about more calls than those of this package."""
    return [
        {
            "flag": ConductFlagKind(flag.kind).label,
            "statement": flag.statement,
            "part": flag.part,
            "whole": flag.whole,
            "of": flag.whole_words,
            "disputed": flag.disputed,
            "rule_version": flag.rule_version,
            "raised_at": instant(flag.raised_at),
        }
        for flag in sorted(flags, key=lambda flag: (flag.kind, flag.raised_at))
    ]


def _dossier(
    row: Provider,
    notices: Sequence[Mapping[str, Any]],
    path: Sequence[Mapping[str, Any]],
    flags: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    return {
        "provider_id": row.id,
        "name": row.name,
        "spc": row.spc,
        "country": row.country,
        "frn": row.frn,
        "rmd_number": row.rmd_number,
        "office_time_zone": row.office_time_zone,
        "answers_by": AnswerChannel(row.channel).label,
        "registered_here_at": instant(row.created_at),
        "keys": [
            {"key_id": key.id, "valid_from": instant(key.valid_from), "revoked_at": instant(key.revoked_at)}
            for key in sorted(row.keys.all(), key=lambda key: (key.valid_from, key.id))
        ],
        "in_this_package": _record(notices, path),
        "not_answered": [_told(notice) for notice in notices if not notice["answered_at"]],
        "late": [_told(notice) for notice in notices if notice["in_time"] == "no"],
        "remarks": [dict(flag) for flag in flags],
    }


def _record(notices: Sequence[Mapping[str, Any]], path: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    took = [row["took_seconds"] for row in path if row["took_seconds"] is not None]
    return {
        "times_asked": len(notices),
        "by_role_in_the_call": dict(sorted(Counter(row["role"] for row in path).items())),
        "by_answer": dict(sorted(Counter(row["answer"] or "no answer" for row in path).items())),
        "answered_in_time": sum(notice["in_time"] == "yes" for notice in notices),
        "median_seconds_to_answer": round(median(took), 3) if took else None,
    }


def _told(notice: Mapping[str, Any]) -> dict[str, Any]:
    return {name: notice[name] for name in ("notice_id", "traceback_id", "sent_at", "legal_due_at", "answered_at")}
