"""The filters of a TAXII client, as the address has them: what is asked, or a refusal that names the filter."""

from datetime import UTC

from headwater.errors import Invalid
from tests.fuzz.targets import _django  # noqa: F401 - before the rooms that have models

from django.core.exceptions import SuspiciousOperation  # isort: skip
from django.http import HttpRequest, QueryDict  # isort: skip
from headwater.api import taxii  # isort: skip

SEEDS = [
    b"added_after=2026-11-24T15:04:05.123456Z&limit=20&next=7",
    b"match[id]=indicator--1,campaign--2&match[type]=indicator&match[version]=first,2026-11-24T15:04:05Z",
    b"match%5Bversion%5D=all&limit=0",
]
TOKENS = [
    b"%00",
    b"%FF",
    b"&",
    b"=",
    b"9999-12-31T23:59:59.9999999Z",
    b"0001-01-01T00:00:00Z",
    b"%D9%A1",
    b"limit=",
    b"-1",
]
LONGEST = 600


def target(data: bytes) -> None:
    request = HttpRequest()
    try:
        request.GET = QueryDict(data.decode("latin-1"))
        asked = taxii._asked(request)
    except (Invalid, SuspiciousOperation):  # the second is Django's own 400: too many fields
        return
    assert 1 <= asked.limit <= taxii.feed.PAGE
    assert 0 <= asked.after < 2**62
    assert asked.added_after is None or asked.added_after.tzinfo is UTC
