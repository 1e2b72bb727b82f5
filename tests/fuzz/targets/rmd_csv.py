"""Tables of registries: the Robocall Mitigation Database, number blocks, company codes."""

import io

from headwater.providers.registries import tables
from headwater.providers.registries.entries import BadRegistry, Entry, Fault
from tests.providers.registries.files import OCN_LIST, blocks, rmd

SEEDS = [
    rmd(("RMD0001234", "0024926677", "Acme, Inc.")),
    blocks("PA,215-555,1,709J,Acme,PHILA,01/02/2020,AS", "PA,215-556,,,,,,VC"),
    OCN_LIST[:600],
]
TOKENS = [b'"', b'""', b"\r\n", b",", b"\t", b"RMD0000001", b"215-555", b"\xef\xbb\xbf", b"\xff", b"\x00"]


def target(data: bytes) -> None:
    for reader in (tables.rmd, tables.blocks, tables.ocn):
        try:
            for one in reader(io.BytesIO(data)):
                assert isinstance(one, Entry | Fault)
                if isinstance(one, Entry):
                    assert one.key
                    assert one.digest
        except BadRegistry:
            continue
