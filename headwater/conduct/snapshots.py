"""A flag's evidence as it is stored, and the replay of a flag from it alone."""

from collections.abc import Iterable
from typing import Any

import msgspec

from headwater.conduct import rules
from headwater.conduct.models import ConductFlag
from headwater.conduct.rules import Flag
from headwater.conduct.states import ConductFlagKind
from headwater.conduct.values import Passage


def write(passages: Iterable[Passage]) -> list[dict[str, Any]]:
    """Return passages as JSON values."""
    plain: list[dict[str, Any]] = msgspec.to_builtins(list(passages))
    return plain


def read(stored: list[dict[str, Any]]) -> list[Passage]:
    """Return stored passages.

    Raises:
        msgspec.ValidationError: they were not written by ``write``.
    """
    return msgspec.convert(stored, type=list[Passage])


def differences(row: ConductFlag) -> list[str]:
    """Assess the stored passages again by the stored version and return, in words, every difference."""
    if row.rule_version not in rules.THRESHOLDS:
        return [f"rules {row.rule_version} are not in this software: use the release that raised the flag"]
    again = rules.assess(
        read(row.evidence), now=row.raised_at, disputed=set(row.disputed_ids), version=row.rule_version
    )
    flag = next((one for one in again if one.kind is ConductFlagKind(row.kind)), None)
    if flag is None:
        return [f"the stored passages raise no flag {row.kind}"]
    wanted = fields(flag)
    return [
        f"{name} is {getattr(row, name)!r}, the passages give {value!r}"
        for name, value in wanted.items()
        if getattr(row, name) != value
    ]


def fields(flag: Flag) -> dict[str, Any]:
    """Return the columns that follow from a flag."""
    return {
        "statement": flag.statement,
        "part": flag.share.part,
        "whole": flag.share.whole,
        "whole_words": flag.whole,
        "disputed": flag.disputed,
        "evidence_ids": [one.question_id for one in flag.evidence],
        "rule_version": flag.version,
    }
