"""The four flags of non-cooperation: each a rule with its thresholds, its evidence and its denominator. Pure.

A flag is a count of traced calls over a threshold, never a judgement of the company. What a provider disputes
successfully is set aside before; what it disputes and is not decided yet counts, and the flag says how many.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from headwater.conduct.states import ConductFlagKind, Response
from headwater.conduct.values import Passage, Share
from headwater.tracebacks.states import Grade, HopRole

#: Kept with every flag: which rules raised it. A change of a threshold is a new version.
VERSION = "conduct-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """The numbers of one version of the rules."""

    window: timedelta = timedelta(days=180)
    """Questions asked longer ago are left out."""
    least: int = 3
    """Traced calls that a flag needs: once and twice are not repeatedly."""
    days: int = 2
    """Different days (UTC) on which they were asked: one bad day is one event."""
    entry_days: int = 3
    """Different days for *regularly*."""
    low: float = 0.2
    """Lower end of the 95% interval of a share: few of many is no pattern."""


#: Different neighbours whose records must contradict a provider's before that counts against it.
COUNTERPARTIES = 2
#: Version -> its thresholds, so that an old flag is replayed by the rules that raised it.
THRESHOLDS: dict[str, Thresholds] = {VERSION: Thresholds()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """One flag as the rules raise it."""

    kind: ConductFlagKind
    share: Share
    """Traced calls that raise it, of those that could have."""
    whole: str
    """What the denominator counts, in words."""
    evidence: tuple[Passage, ...]
    """The passages that raise it, oldest first: the flag opens onto their tracebacks."""
    disputed: int
    """How many of them the provider disputes, undecided."""
    statement: str
    version: str = VERSION

    @property
    def traceback_ids(self) -> tuple[str, ...]:
        """The tracebacks behind it."""
        return tuple(dict.fromkeys(one.traceback_id for one in self.evidence))


def assess(
    passages: Iterable[Passage], *, now: datetime, disputed: AbstractSet[str] = frozenset(), version: str = VERSION
) -> list[Flag]:
    """Return the flags that one provider's passages raise at ``now``.

    Args:
        passages: Of one provider; those of an upheld dispute left out.
        now: The present.
        disputed: Question identifiers under a dispute that is not decided.
        version: Which version of the rules.

    Raises:
        KeyError: there is no such version.
    """
    limits = THRESHOLDS[version]
    since = now - limits.window
    seen = sorted((one for one in passages if since <= one.asked_at <= now), key=lambda one: one.asked_at)
    found = [
        _not_participating(seen, now, limits),
        _originates_or_accepts(seen, limits),
        _point_of_entry(seen, limits),
        _insufficient(seen, now, limits),
    ]
    return [_marked(flag, disputed, version) for flag in found if flag is not None]


def _marked(flag: Flag, disputed: AbstractSet[str], version: str) -> Flag:
    return replace(flag, disputed=sum(one.question_id in disputed for one in flag.evidence), version=version)


def _days(passages: Iterable[Passage]) -> int:
    return len({one.asked_at.date() for one in passages})


def _repeated(evidence: Sequence[Passage], limits: Thresholds, *, days: int) -> bool:
    return len({one.traceback_id for one in evidence}) >= limits.least and _days(evidence) >= days


def _not_participating(seen: Sequence[Passage], now: datetime, limits: Thresholds) -> Flag | None:
    due = [one for one in seen if one.counts(now)]
    against = [one for one in due if one.response(now) in {Response.SILENT, Response.DECLINED}]
    share = Share(part=len(against), whole=len(due))
    if not _repeated(against, limits, days=limits.days) or share.low < limits.low:
        return None
    silent = sum(one.response(now) is Response.SILENT for one in against)
    return Flag(
        kind=ConductFlagKind.NOT_PARTICIPATING,
        share=share,
        whole="questions that were due or answered",
        evidence=tuple(against),
        disputed=0,
        statement=(
            f"{silent} questions were not answered by the final due time and {len(against) - silent} were declined, "
            f"of {len(due)} that were due or answered, on {_days(against)} days."
        ),
    )


def _originates_or_accepts(seen: Sequence[Passage], limits: Thresholds) -> Flag | None:
    """Own customers' calls, and calls taken again and again directly from one and the same origin or point of entry."""
    ended = [one for one in seen if one.on_path and one.completed and not one.lawful]
    placed = [one for one in ended if one.distance == 0 and one.role is HopRole.ORIGINATING]
    taken: dict[str, list[Passage]] = {}
    for one in ended:
        if one.distance == 1 and one.upstream is not None and one.confirmed_upstream:
            taken.setdefault(one.upstream.spc, []).append(one)
    accepted = [one for group in taken.values() if _repeated(group, limits, days=limits.days) for one in group]
    own = placed if _repeated(placed, limits, days=limits.days) else []
    evidence = sorted((*own, *accepted), key=lambda one: one.asked_at)
    if not evidence:
        return None
    named = Counter(one.upstream.name or one.upstream.spc for one in accepted if one.upstream)
    sources = "; ".join(f"{count} from {name}" for name, count in sorted(named.items()))
    return Flag(
        kind=ConductFlagKind.ORIGINATES_OR_ACCEPTS,
        share=Share(part=len(evidence), whole=len(ended)),
        whole="completed traced calls that it carried",
        evidence=tuple(evidence),
        disputed=0,
        statement=(
            f"Its own customers placed {len(own)} traced calls in {_campaigns(own)} campaigns, and it took "
            f"{len(accepted)} directly from one same source again and again{f' ({sources})' if sources else ''}, "
            f"of {len(ended)} completed traced calls that it carried."
        ),
    )


def _point_of_entry(seen: Sequence[Passage], limits: Thresholds) -> Flag | None:
    ended = [one for one in seen if one.on_path and one.completed and not one.lawful]
    entered = [one for one in ended if one.grade is Grade.ENTRY_CONFIRMED and one.distance == 0]
    if not _repeated(entered, limits, days=limits.entry_days):
        return None
    return Flag(
        kind=ConductFlagKind.POINT_OF_ENTRY,
        share=Share(part=len(entered), whole=len(ended)),
        whole="completed traced calls that it carried",
        evidence=tuple(entered),
        disputed=0,
        statement=(
            f"{len(entered)} traced calls of {_campaigns(entered)} campaigns entered the United States with it, on "
            f"{_days(entered)} days, of {len(ended)} completed traced calls that it carried."
        ),
    )


def _insufficient(seen: Sequence[Passage], now: datetime, limits: Thresholds) -> Flag | None:
    answered = [one for one in seen if one.response(now) in {Response.IN_TIME, Response.LATE}]
    contradicted = [one for one in answered if one.contradicted]
    # One neighbour that lies contradicts an honest provider as often as it likes: two different ones are needed.
    believed = len({one.counterparty for one in contradicted}) >= COUNTERPARTIES
    against = [one for one in answered if one.without_record or (believed and one.contradicted)]
    share = Share(part=len(against), whole=len(answered))
    if not _repeated(against, limits, days=limits.days) or share.low < limits.low:
        return None
    missing = sum(one.without_record for one in against)
    return Flag(
        kind=ConductFlagKind.INSUFFICIENT_RECORDS,
        share=share,
        whole="questions that it answered",
        evidence=tuple(against),
        disputed=0,
        statement=(
            f"{missing} answers found no record or could not tell which call it was, and {len(against) - missing} "
            f"contradict a neighbour's record, of {len(answered)} that it gave."
        ),
    )


def _campaigns(passages: Iterable[Passage]) -> int:
    return len({one.campaign_id or one.traceback_id for one in passages})
