"""The XML of Form 499 filers: filers, or a refusal; no entity, no endless value."""

import io

from headwater.providers.registries import filers
from headwater.providers.registries.entries import BadRegistry, Entry, Fault
from tests.providers.registries.files import FILER

SEEDS = [FILER]
TOKENS = [
    b"<!DOCTYPE x [", b"<!ENTITY a 'b'>", b"&a;", b"&#0;", b"&#x41;", b"<![CDATA[", b"]]>", b"<?xml", b"<Filer>",
    b"<FRN>", b"<Form_499_ID>", b"<Filer499QueryResults", b"encoding='utf-16'", b"xmlns:a='b'", b"<!--",
]  # fmt: skip


def target(data: bytes) -> None:
    try:
        for one in filers.filers(io.BytesIO(data)):
            assert isinstance(one, Entry | Fault)
            if isinstance(one, Entry):
                assert one.key.isdigit()
                assert one.digest
    except BadRegistry:
        return
