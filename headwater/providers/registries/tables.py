"""The registries that are tables: RMD, number blocks, company codes, do-not-originate lists."""

import io
import re
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, BinaryIO, Final

from headwater.numbering.plan import VACANT, DnoKind
from headwater.providers.registries.entries import Entry, Fault, digits, rows

#: Octets of a plain list of numbers.
MOST_OCTETS: Final = 256 * 1024 * 1024
_RMD: Final = re.compile(r"RMD\d{7}")
_OCN: Final = re.compile(r"[0-9A-Z]{4}")
#: What a report calls a block that a provider holds; an export without a status lists assigned blocks alone.
_ASSIGNED: Final = frozenset({"", "AS", "ASSIGNED", "IN SERVICE", "ACTIVE", "EXISTING"})
_BLOCK_NAMES: Final = {
    "npanxx": "npa-nxx", "npa": "npa", "nxx": "nxx", "x": "x", "block": "x", "thousandsblock": "x", "blockid": "x",
    "npanxxx": "npa-nxx", "ocn": "ocn", "company": "company", "companyname": "company", "codeholder": "company",
    "ratecenter": "rate_center", "ratecentre": "rate_center", "effectivedate": "effective", "effective": "effective",
    "status": "status", "use": "status", "state": "state", "blockstatus": "status",
}  # fmt: skip
_OCN_NAMES: Final = {
    "ocn": "ocn", "orgname": "name", "name": "name", "company": "name", "companyname": "name", "ocnname": "name",
    "state": "state", "category": "category", "cn": "cn", "cert": "cert",
}  # fmt: skip
_DNO_NAMES: Final = {
    "number": "number", "tn": "number", "telephonenumber": "number", "phonenumber": "number", "range": "number",
    "first": "first", "last": "last", "kind": "kind", "type": "kind", "reason": "reason", "source": "source",
    "from": "from", "to": "to", "effective": "from", "until": "to",
}  # fmt: skip
#: Words that lists use for the four kinds.
_KINDS: Final = {
    "": DnoKind.SUBSCRIBER, "subscriber": DnoKind.SUBSCRIBER, "subscriber-set": DnoKind.SUBSCRIBER,
    "inbound-only": DnoKind.SUBSCRIBER, "requested": DnoKind.SUBSCRIBER, "invalid": DnoKind.INVALID,
    "unallocated": DnoKind.UNALLOCATED, "unassigned": DnoKind.UNALLOCATED, "unused": DnoKind.UNUSED,
}  # fmt: skip


def rmd(file: BinaryIO) -> Iterator[Entry | Fault]:
    """Yield the filings of a Robocall Mitigation Database export (CSV, UTF-8 with BOM).

    Raises:
        BadRegistry: the file is none.
    """
    for place, row in rows(file, required=("number", "frn", "business_name", "implementation", "last_updated")):
        if isinstance(row, Fault):
            yield row
            continue
        number, frn = row.get("number", "").upper(), digits(row.get("frn", ""))
        if not _RMD.fullmatch(number):
            yield Fault(place, f"{number[:20]!r} is no RMD number such as RMD0001234")
        elif not frn or len(frn) > 10:
            yield Fault(place, f"{row.get('frn', '')[:20]!r} is no FRN of ten digits")
        else:
            rest = {name: value for name, value in row.items() if value and name not in {"number", "frn"}}
            yield Entry(key=number, name=row.get("business_name", ""), frn=frn.zfill(10), detail=rest)


def blocks(file: BinaryIO) -> Iterator[Entry | Fault]:
    """Yield the blocks of a NANPA report: NPA-NXX, or NPA-NXX-X, with the OCN that holds each.

    Raises:
        BadRegistry: the file is none.
    """
    for place, row in rows(file, required=("ocn",), aliases=_BLOCK_NAMES):
        if isinstance(row, Fault):
            yield row
            continue
        head = digits(row.get("npa-nxx", "") or row.get("npa", "") + row.get("nxx", ""))
        tail = "" if len(head) == 7 else digits(row.get("x", ""))
        prefix = head + tail
        if len(prefix) not in {6, 7} or prefix[0] in "01" or prefix[3] in "01":
            yield Fault(place, f"{prefix[:12]!r} is no NPA-NXX or NPA-NXX-X")
            continue
        ocn = row.get("ocn", "").upper()
        assigned = row.get("status", "").upper() in _ASSIGNED and bool(ocn)
        if assigned and not _OCN.fullmatch(ocn):
            yield Fault(place, f"{ocn[:12]!r} is no OCN of four letters or digits")
            continue
        size = 10 ** (10 - len(prefix))
        first = int("1" + prefix) * size
        names = ("state", "rate_center", "status", "effective")
        yield Entry(
            key=prefix,
            name=row.get("company", ""),
            ocn=ocn if assigned else VACANT,
            first=first,
            last=first + size - 1,
            detail={name: row[name] for name in names if row.get(name)},
        )


def ocn(file: BinaryIO) -> Iterator[Entry | Fault]:
    """Yield the companies of an OCN list, each once: further rows of a code add names and certificates to it.

    Raises:
        BadRegistry: the file is none.
    """
    held: dict[str, dict[str, Any]] = {}
    for place, row in rows(file, required=("ocn", "name"), aliases=_OCN_NAMES):
        if isinstance(row, Fault):
            yield row
            continue
        code = row.get("ocn", "").upper()
        if not _OCN.fullmatch(code):
            yield Fault(place, f"{code[:12]!r} is no OCN of four letters or digits")
            continue
        company = held.setdefault(code, {"names": [], "certificates": []})
        for column, name in (("name", "names"), ("cert", "certificates")):
            if row.get(column) and row[column] not in company[name]:
                company[name].append(row[column])
        company |= {name: row[name] for name in ("state", "category") if row.get(name)}
    for code, company in held.items():
        names = company["names"]
        rest = {name: value for name, value in company.items() if value}
        yield Entry(key=code, name=names[0] if names else "", ocn=code, detail=rest)


def dno(file: BinaryIO) -> Iterator[Entry | Fault]:
    """Yield a do-not-originate list: numbers and ranges.

    A plain list has one number or ``FIRST-LAST`` a line, after a header line ``number``; a table may also name
    ``first``, ``last``, ``kind``, ``reason``, ``source``, ``from`` and ``to`` (days).

    Raises:
        BadRegistry: the file is none.
    """
    head = file.readline(200)
    file.seek(0)
    if not re.search(rb"[a-wyz]{2}", head.lower()):
        # A plain list that begins at once.
        file = io.BytesIO(b"number\n" + file.read(MOST_OCTETS))
    for place, row in rows(file, required=(), aliases=_DNO_NAMES):
        if isinstance(row, Fault):
            yield row
            continue
        span = _span(row)
        kind = _KINDS.get(row.get("kind", "").lower().replace(" ", "-").replace("_", "-"))
        days = {name: _day(row[name]) for name in ("from", "to") if row.get(name)}
        if span is None:
            yield Fault(place, f"{' '.join(row.values())[:60]!r} is no number and no range FIRST-LAST")
        elif kind is None:
            yield Fault(place, f"{row['kind'][:30]!r} is none of {', '.join(DnoKind)}")
        elif "" in days.values():
            yield Fault(place, "from and to must be days such as 2026-11-24")
        else:
            first, last = span
            rest = {name: row[name] for name in ("reason", "source") if row.get(name)}
            key = str(first) if first == last else f"{first}-{last}"
            yield Entry(key=f"{key} {kind}", first=first, last=last, detail={"kind": kind.value, **rest, **days})


def _span(row: dict[str, str]) -> tuple[int, int] | None:
    """Return the range of a row: ``first``/``last``, ``A-B``, a wildcard ``215555XXXX``, or one number."""
    text = row.get("number", "").upper()
    ends = re.split(r"\s*(?:-|\.\.|TO)\s*(?=\+?1?[2-9]\d{9}$)", text) if text else []
    if row.get("first"):
        ends = [row["first"], row.get("last") or row["first"]]
    if len(ends) == 1 and "X" in ends[0]:
        ends = [ends[0].replace("X", "0"), ends[0].replace("X", "9")]
    numbers = [_whole(end) for end in ends]
    if not numbers or len(numbers) > 2 or None in numbers:
        return None
    first, last = numbers[0], numbers[-1]
    return (first, last) if first is not None and last is not None and first <= last else None


def _whole(text: str) -> int | None:
    plain = digits(text)
    if len(plain) == 10:
        plain = "1" + plain
    wrong = set(text) - set("0123456789+-.() ")
    return int(plain) if len(plain) == 11 and plain[0] == "1" and not wrong else None


def _day(text: str) -> str:
    for form in ("%Y-%m-%d", "%m/%d/%Y", "%Y%m%d"):
        try:
            found: date = datetime.strptime(text[:10], form).date()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
        return found.isoformat()
    return ""
