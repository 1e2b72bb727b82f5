"""What of a record follows from the rest of it, and so is not kept: the table gives it back by an expression. Pure.

A record's identifier is a hash of its source and event (``identifiers.record_id``): sixteen octets of noise that
nothing compresses. The time of receipt is the version of the row, counted down, since the first one received stays.

A sender's ``+12155550100`` says no more than the canonical ``12155550100`` beside it, and took a tenth of a record's
octets. So the table keeps a sign where the one follows from the other, and the text itself where it does not; the
column of the old name gives the text back, character for character, to whoever reads it.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

#: Canonical numbers, which are kept as ``..._digits``.
NUMBERS: Final = ("calling", "called")
#: Column of the record -> column of the table that is kept in its place, and the canonical number.
KEPT: Final = {"calling_raw": ("calling_form", "calling"), "called_raw": ("called_form", "called")}

_PLUS, _SAME, _NATIONAL, _ITSELF = "+", "=", "-", "~"
# A text that looks like one of our signs is kept behind a sign of its own.
_LIKE_A_SIGN: Final = r"^([+=-]$|~)"


def version(received_at: datetime) -> int:
    """Return the version of a row that was received then."""
    return COUNT - (received_at - _EPOCH) // timedelta(microseconds=1)


#: Versions count down from here by microseconds since 1970: of rows with one key the highest stays.
COUNT: Final = 9_223_372_036_854_775_807
_TEN_DIGITS: Final = 10_000_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
FIRST_VERSION: Final = version(datetime(2020, 1, 1, tzinfo=UTC))
LAST_VERSION: Final = version(datetime(2100, 1, 1, tzinfo=UTC)) + 1
#: The first 16 octets of SHA-256(source, zero octet, event), as octets.
IDENTIFIER: Final = r"toFixedString(substring(SHA256(concat(source_id, '\0', event_id)), 1, 16), 16)"
RECORD_ID: Final = f"toUUID(UUIDNumToString({IDENTIFIER}))"
RECEIVED_AT: Final = f"fromUnixTimestamp64Micro(toInt64({COUNT} - version), 'UTC')"


def number(name: str) -> str:
    """Return the SQL that gives ``calling`` or ``called`` back: its digits after a 1, which keeps leading zeros."""
    return f"substring(toString({name}_digits), 2)"


def tail(name: str) -> str:
    """Return the SQL of the last ten digits of ``calling`` or ``called``, as the sorting key has them (``ten``)."""
    return f"{name}_digits % {_TEN_DIGITS}"


def ten(number: str) -> int:
    """Return the last ten digits of a canonical number as the sorting key has them; of a shorter one, it and its 1."""
    return digits(number) % _TEN_DIGITS


def digits(number: str) -> int:
    """Return a canonical number as ``..._digits`` keep it."""
    return int(f"1{number}")


def expression(number: str) -> str:
    """Return the SQL by which a table gives the text back that was sent for ``number`` (``calling`` or ``called``)."""
    form = f"{number}_form"
    return (
        f"multiIf({form} = '{_PLUS}', concat('+', {number}), {form} = '{_SAME}', {number}, "
        f"{form} = '{_NATIONAL}', substring({number}, 2), "
        f"startsWith({form}, '{_ITSELF}'), substring({form}, 2), {form})"
    )


def given_back(row: dict[str, Any]) -> dict[str, Any]:
    """Return one row of the table with the record's columns in place of those that are kept: ``kept``, undone."""
    row["received_at"] = _EPOCH + timedelta(microseconds=COUNT - row.pop("version"))
    for number in NUMBERS:
        row[number] = str(row.pop(f"{number}_digits"))[1:]
    for sent, (form, number) in KEPT.items():
        row[sent] = _text(row.pop(form), row[number])
    return row


def _text(form: str, number: str) -> str:
    follows = {_PLUS: f"+{number}", _SAME: number, _NATIONAL: number[1:]}
    return follows.get(form, form.removeprefix(_ITSELF))


def kept(table: Any) -> Any:
    """Return a table of a record's columns as they are kept."""
    if "event_id" in table.column_names and "record_id" in table.column_names:
        table = table.drop_columns(["record_id"])
    if "event_id" in table.column_names and "received_at" in table.column_names:
        counted = pc.subtract(pa.scalar(COUNT), table.column("received_at").cast(pa.int64())).cast(pa.uint64())
        table = table.set_column(table.column_names.index("received_at"), "version", counted)
    table = _sent(table)
    for name in NUMBERS:
        if name in table.column_names:
            led = pc.binary_join_element_wise(pa.scalar("1"), table.column(name), pa.scalar(""))
            table = table.set_column(table.column_names.index(name), f"{name}_digits", led.cast(pa.int64()))
    return table


def _sent(table: Any) -> Any:
    for name, (form, number) in KEPT.items():
        if name in table.column_names:
            column = _forms(table.column(name), table.column(number))
            table = table.set_column(table.column_names.index(name), form, column)
    return table


def names(columns: Any) -> tuple[str, ...]:
    """Return the names of a record's columns as the table has them."""
    kept_as = {name: form for name, (form, _) in KEPT.items()}
    kept_as |= {name: f"{name}_digits" for name in NUMBERS} | {"received_at": "version"}
    return tuple(kept_as.get(name, name) for name in columns if name != "record_id")


def _forms(sent: Any, number: Any) -> Any:
    if len(sent) == 0:
        return sent
    plus = pc.equal(sent, pc.binary_join_element_wise(pa.scalar("+"), number, pa.scalar("")))
    if pc.all(plus).as_py():
        return pa.repeat(pa.scalar(_PLUS), len(sent))
    there = pc.greater(pc.binary_length(sent), 0)
    same = pc.and_(there, pc.equal(sent, number))
    national = pc.and_(there, pc.equal(sent, pc.utf8_slice_codeunits(number, 1)))
    like_a_sign = pc.match_substring_regex(sent, _LIKE_A_SIGN)
    itself = pc.if_else(like_a_sign, pc.binary_join_element_wise(pa.scalar(_ITSELF), sent, pa.scalar("")), sent)
    return pc.if_else(plus, _PLUS, pc.if_else(same, _SAME, pc.if_else(national, _NATIONAL, itself)))
