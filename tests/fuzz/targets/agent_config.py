"""Files that an operator writes (agent, retention, connectors): read whole, or refused with the place."""

import tomllib
from pathlib import Path

from headwater.agent import config
from headwater.calls import keeping
from headwater.connectors import config as connectors
from headwater.errors import Invalid

_AGENT = b"""data = "d"
hub = { url = "https://hub.example:8443" }
[[carrier]]
spc = "709J"
name = "A"
key_file = "k"
own = ["192.0.2.0/24"]
[[carrier.hep]]
port = 9060
allowed = ["192.0.2.1"]
[[carrier.cdr]]
folder = "in"
format = "asterisk-csv"
zone = "America/New_York"
[[carrier.peer]]
kind = "carrier"
spc = "505K"
addresses = ["198.51.100.0/24"]
[carrier.policy]
max_window_s = 600
"""
SEEDS = [
    b"\0" + _AGENT,
    b"\1[default]\nrows_days = 550\n[class.sip]\nraw_days = 30\n[source.ORG-1]\nrows_days = 0\n",
    b'\2name = "x"\nkind = "ftc-dnc-api"\nurl = "https://api.example/v0"\ntoken_file = "t"\nevery_s = 3600\n',
]
TOKENS = [b"[[carrier]]\n", b"[carrier.policy]\n", b'"::1/129"', b"1e400", b"nan", b"= -1\n", b"[[[", b"'", b'"""']
FOLDER = Path("/nonexistent")


def target(data: bytes) -> None:
    kind, text = data[:1], data[1:].decode("utf-8", "replace")
    try:
        if kind == b"\1":
            assert keeping.read(text).default["rejects_days"] >= 0
        elif kind == b"\2":
            assert connectors.parse(data[1:], name="x").name == "x"
        else:
            found = config.checked(_tables(text), folder=FOLDER)
            assert found.carriers
    except Invalid:
        return


def _tables(text: str) -> dict[str, object]:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise Invalid(str(error)) from error
