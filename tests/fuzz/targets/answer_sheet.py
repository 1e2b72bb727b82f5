"""A file of answers as a spreadsheet saved it: rows or one refusal; no cell comes back as a formula."""

import csv
import io

from headwater.errors import Invalid, TooLarge
from tests.fuzz.targets import _django  # noqa: F401 - before the rooms that have models

from headwater.tracebacks import sheets  # isort: skip

_HEAD = b"question_id,code,upstream_spc,upstream_name,upstream_country,action,note\n"
SEEDS = [
    _HEAD + b'Q-1,UPSTREAM_US,505K,"Acme, Inc.",US,,\nQ-2,not ours,,,,,"two\nlines"\n',
    b"\xef\xbb\xbf" + _HEAD.replace(b",", b";") + "Q-1;DECLINED;;Caf\u00e9;;;=1+1\n".encode(),
    _HEAD.replace(b",", b"\t") + b"Q-1\tDECLINED\t\tCaf\xe9\n",
]
TOKENS = [b'"', b'""', b"\r\n", b";", b"\t", b"\x00", b"\xff", b"=cmd|", b"'=", b"code", b"question_id", b"\xc2\xa0"]


def target(data: bytes) -> None:
    try:
        names, rows = sheets._read(data)
    except (Invalid, TooLarge):
        return
    assert len(rows) <= sheets.MOST_ROWS
    assert [line for line, _ in rows] == sorted(line for line, _ in rows)
    back = sheets._refused(names, [(cells, "refused") for _, cells in rows[:20]]).decode("utf-8-sig")
    for cells in csv.reader(io.StringIO(back)):
        assert not any(cell.startswith(("=", "+", "-", "@")) for cell in cells)
    for _, cells in rows[:20]:
        assert all(sheets.plain(sheets.safe(cell)) == cell for cell in cells if not cell.startswith("'"))
