"""How a number as it was sent follows from the canonical one: what the table keeps in its place. Pure.

A sender's ``+12155550100`` says no more than the canonical ``12155550100`` beside it, and took a tenth of a record's
octets. So the table keeps a sign where the one follows from the other, and the text itself where it does not; the
column of the old name gives the text back, character for character, to whoever reads it.
"""

from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

#: Column of the record -> column of the table that is kept in its place, and the canonical number.
KEPT: Final = {"calling_raw": ("calling_form", "calling"), "called_raw": ("called_form", "called")}

_PLUS, _SAME, _NATIONAL, _ITSELF = "+", "=", "-", "~"
# A text that looks like one of our signs is kept behind a sign of its own.
_LIKE_A_SIGN: Final = r"^([+=-]$|~)"


def expression(number: str) -> str:
    """Return the SQL by which a table gives the text back that was sent for ``number`` (``calling`` or ``called``)."""
    form = f"{number}_form"
    return (
        f"multiIf({form} = '{_PLUS}', concat('+', {number}), {form} = '{_SAME}', {number}, "
        f"{form} = '{_NATIONAL}', substring({number}, 2), "
        f"startsWith({form}, '{_ITSELF}'), substring({form}, 2), {form})"
    )


def kept(table: Any) -> Any:
    """Return a table of a record's columns with the two texts as they are kept."""
    for name, (form, number) in KEPT.items():
        if name in table.column_names:
            column = _forms(table.column(name), table.column(number))
            table = table.set_column(table.column_names.index(name), form, column)
    return table


def names(columns: Any) -> tuple[str, ...]:
    """Return the names of a record's columns as the table has them."""
    return tuple(KEPT[name][0] if name in KEPT else name for name in columns)


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
