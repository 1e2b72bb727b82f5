"""Which call of a token a record tells of: its own verdict, or the one of a call that was judged already.

Every hop of a call delivers the same token, so a verdict is of the call and not of the record. But a token that was
copied comes with another call, and that call must not borrow the verdict of the first (RFC 8224 section 12.1).
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from uuid import UUID

from headwater.calls.records import CallRecord, RecordKind
from headwater.signers.models import Signature
from headwater.signers.rules import MOST_USES, Use, one_call

#: Tokens remembered with their calls, some 300 octets each.
REMEMBERED = 100_000

Read = Callable[[Sequence[UUID]], Iterable[CallRecord]]


def use(record: CallRecord) -> Use:
    """Return what a record says of the call that its token came with."""
    return Use(
        calling=record.calling[-10:],
        called=record.called[-10:],
        at=record.call_at if record.record_kind is RecordKind.SIP else None,
    )


class Uses:
    """The judged calls of each token: a bounded memory over the verdicts that are kept."""

    def __init__(self) -> None:
        """Start with nothing in memory."""
        self._kept: OrderedDict[str, list[Use]] = OrderedDict()

    def forget(self) -> None:
        """Forget what was taken for judged; what is kept says it again."""
        self._kept.clear()

    def unjudged(self, records: Iterable[CallRecord], read: Read) -> list[CallRecord]:
        """Return one record of each call that has no verdict yet, the first; at most ``MOST_USES`` a token.

        They count as judged from now on: whoever cannot keep their verdicts must ``forget``.
        """
        listed = list(records)
        self._recall({each.identity_digest for each in listed} - self._kept.keys(), read)
        found = []
        for each in listed:
            uses, this = self._kept[each.identity_digest], use(each)
            if len(uses) < MOST_USES and not any(one_call(known, this) for known in uses):
                uses.append(this)
                found.append(each)
        while len(self._kept) > REMEMBERED:
            self._kept.popitem(last=False)
        return found

    def _recall(self, digests: set[str], read: Read) -> None:
        if not digests:
            return
        self._kept.update((digest, []) for digest in digests)
        rows = Signature.objects.filter(digest__in=digests, current=True).values_list("record_id", "digest")
        kept = dict(rows)
        for record in read(list(kept)) if kept else ():
            self._kept[kept[record.record_id]].append(use(record))
