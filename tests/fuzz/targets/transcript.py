"""A transcript, whatever a sender wrote: read, compared, named and searched for numbers in bounds."""

from headwater.campaigns.engine import Matcher
from headwater.campaigns.labels import shipped
from headwater.campaigns.naming import Namer
from headwater.campaigns.script import MAX_CHARACTERS, MAX_WORDS, legible, read
from headwater.campaigns.spoken import heard

SEEDS = [
    b"This is the Social Security Administration. Call 888 555 0123 or press one, the fee is $499.99.",
    "国际快递最后一次通知您 您有一个快件 请按1".encode(),
    b"eight eight eight five five five zero one two three www.refund-desk.com",
]
TOKENS = [b"press ", b"$1,", b"888-555-", b" dollars", b"\xf0\x9f\xa6\x86", b"\x00", b"one two ", b"www."]
_MATCHER = Matcher([known.script for known in shipped().known[:20]])
_NAMER = Namer(shipped())


def target(data: bytes) -> None:
    text = legible(data.decode("utf-8", "surrogateescape"))
    assert len(text) <= MAX_CHARACTERS
    assert "\x00" not in text
    script = read(text)
    assert script.words <= MAX_WORDS
    assert _MATCHER.place(script).campaign_id is None
    assert _NAMER.propose([script]).name
    assert all(len(number) == 11 for number in heard(text).callback)
