"""The recognition of a format, and a user's own mapping as text: any octets end in an answer or a plain refusal."""

import msgspec

from headwater.errors import Invalid
from headwater.intake.cdr import detect, mapping
from tests.fuzz.targets import _cdr

MAPPING = b'name = "x"\ntitle = "x"\n[[row]]\n[row.times.start]\ncolumn = 1\n[row.fields]\ncalling = { column = 2 }\n'
SEEDS = [
    *(b"\x00" + one[1:] for one in _cdr.seeds("kamailio-acc-carrierA.csv", "asterisk-Master.csv")),
    b"\x01" + MAPPING,
]
TOKENS = [
    b"[[row]]\n",
    b"when = { column = 1, equals = ['x'] }\n",
    b"links = ['x:{1}']\n",
    b'form = "pattern"\n',
    b"%Y",
]
SHORT_RUN = 400


def target(data: bytes) -> None:
    try:
        if data[:1] == b"\x01":
            found = mapping.read(data[1:].decode("utf-8", "replace"))
            assert mapping.of_tables(msgspec.to_builtins(found)) == found
        else:
            assert detect.preview(data[1:], None, _cdr.NOW, zone="UTC").lines
    except Invalid:
        return
