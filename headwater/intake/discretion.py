"""What a source does not want kept of its subscribers: called numbers shortened or dropped before anything is stored.

With the number go all octets that it could be read from again: the raw octets, their hash where the rest of the record
would let somebody try all endings of the number against it, octets of refused input, and headers that hold it. What is
left says of itself that it was shortened. Pure.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from headwater.calls.records import CallRecord, Reject
from headwater.intake.sip_fields import CALLED
from headwater.numbering.numbers import E164, CalledNumbers, shortened

#: Name of the header by which a record says what was done, with the value of ``CalledNumbers``.
MARK: Final = "called-number"
_NOTHING: Final = sha256(b"").digest()
#: So many of the last digits of a number are sought in other fields: with fewer a chance match is likely.
_DIGITS: Final = 7


def records(batch: Iterable[CallRecord], rule: CalledNumbers) -> list[CallRecord]:
    """Return records as their source wants them kept."""
    return list(batch) if rule is CalledNumbers.KEPT else [_record(record, rule) for record in batch]


def record(one: CallRecord, rule: CalledNumbers) -> CallRecord:
    """Return one record as its source wants it kept."""
    return one if rule is CalledNumbers.KEPT else _record(one, rule)


def rejects(batch: Sequence[Reject], rule: CalledNumbers) -> list[Reject]:
    """Return refused input without its octets, which may hold called numbers nobody has found in them."""
    if rule is CalledNumbers.KEPT:
        return list(batch)
    return [msgspec.structs.replace(one, raw=b"", raw_sha256=_NOTHING) for one in batch]


def table(columns: Any, rule: CalledNumbers) -> Any:
    """Return a ``pyarrow.Table`` of the store's columns as its source wants it kept."""
    if rule is CalledNumbers.KEPT:
        return columns
    called = columns.column("called").to_pylist()
    made = {
        "called": pa.array([_called(number, rule) for number in called], pa.string()),
        "called_raw": pa.repeat(pa.scalar(""), len(called)),
        "headers": _marked(columns.column("headers"), called, rule),
        "call_id": _without(columns.column("call_id"), called),
    }
    for name, array in made.items():
        columns = columns.set_column(columns.column_names.index(name), name, array)
    # Left out, both are the store's defaults: no octets, and the hash of none.
    return columns.drop_columns([name for name in ("line", "raw_sha256") if name in columns.column_names])


def _record(one: CallRecord, rule: CalledNumbers) -> CallRecord:
    tail = one.called[-_DIGITS:]
    headers = {name: value for name, value in one.headers.items() if _harmless(name, value, tail)}
    return msgspec.structs.replace(
        one,
        called=_called(one.called, rule),
        called_raw="",
        call_id="" if _holds(one.call_id, tail) else one.call_id,
        headers=headers | {MARK: rule.value},
        raw=b"",
        raw_sha256=_NOTHING,
    )


def _called(number: str, rule: CalledNumbers) -> E164:
    return shortened(E164(number)) if rule is CalledNumbers.SHORTENED else E164("")


def _harmless(name: str, value: str, tail: str) -> bool:
    # Nobody knows what a sender's own header holds: the number that a call was diverted to, for one.
    return name not in CALLED and not name.startswith("x-") and not _holds(value, tail)


def _holds(text: str, tail: str) -> bool:
    """Tell whether a text holds the end of a number, however it is punctuated."""
    if len(tail) < _DIGITS or len(text) < _DIGITS:
        return False
    return tail in "".join(character for character in text if character.isdigit())


def _marked(headers: Any, called: Sequence[str], rule: CalledNumbers) -> Any:
    kept = []
    for number, row in zip(called, headers.to_pylist(), strict=True):
        tail = number[-_DIGITS:]
        said = [(name, value) for name, value in row or () if _harmless(name, value, tail)]
        kept.append([*said, (MARK, rule.value)])
    return pa.array(kept, pa.map_(pa.string(), pa.string()))


def _without(texts: Any, called: Sequence[str]) -> Any:
    if not pc.any(pc.greater_equal(pc.binary_length(texts), _DIGITS)).as_py():
        return texts
    held = zip(texts.to_pylist(), called, strict=True)
    return pa.array(["" if _holds(text, number[-_DIGITS:]) else text for text, number in held], pa.string())
