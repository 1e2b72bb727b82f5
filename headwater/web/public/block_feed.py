"""The published feed of block and do-not-originate entries: the page about it, and its files as they were signed."""

from collections import Counter
from typing import Final

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.cache import get_conditional_response

from headwater.errors import NotFound
from headwater.evidence.published import key_id, pem
from headwater.relief import block_list, feed
from headwater.relief.block_list import Published
from headwater.relief.states import BlockReason, ListKind
from headwater.web.public.gate import open_page

_LINES: Final = "application/jsonl"
_CSV: Final = "text/csv; charset=utf-8"
_PLAIN: Final = "text/plain; charset=us-ascii"
#: Name of a file -> its media type.
MEDIA_TYPES: Final = {
    "head.jws": "application/jose",
    feed.SNAPSHOT: _LINES,
    feed.TABLE: _CSV,
    feed.DELTA: _LINES,
    f"{feed.SNAPSHOT}.sig": _PLAIN,
    f"{feed.TABLE}.sig": _PLAIN,
    f"{feed.DELTA}.sig": _PLAIN,
    "key.pem": "application/x-pem-file",
}


@open_page
def about(request: HttpRequest) -> HttpResponseBase:
    """Say what the feed is, what it holds now, how it is checked, and where an entry is appealed against."""
    try:
        latest: Published | None = block_list.published()
    except NotFound:
        latest = None
    entries = [feed.entry_of(row) for row in feed.read_lines(latest.snapshot)[1]] if latest else []
    counts = Counter((entry.list, entry.reason) for entry in entries)
    return render(
        request,
        "public/block_feed.html",
        {
            "latest": latest,
            "counts": [(kind, reason, counts[kind, reason]) for kind in ListKind for reason in BlockReason
                       if counts[kind, reason]],
            "key": pem(latest.public_key).decode() if latest else "",
            "key_id": key_id(latest.public_key) if latest else "",
            "appeals": feed.read_lines(latest.snapshot)[0]["appeals"] if latest else "",
        },
    )  # fmt: skip


@open_page
def newest(request: HttpRequest, name: str) -> HttpResponseBase:
    """Hand out a file of the newest version."""
    return _file(request, block_list.published(), name)


@open_page
def of_version(request: HttpRequest, version: int, name: str) -> HttpResponseBase:
    """Hand out a file of one version: its octets never change. A snapshot is kept of the newest alone."""
    return _file(request, block_list.published(version), name)


def _file(request: HttpRequest, found: Published, name: str) -> HttpResponseBase:
    octets = {
        "head.jws": found.head,
        feed.SNAPSHOT: found.snapshot,
        feed.TABLE: found.table,
        feed.DELTA: found.delta,
        f"{feed.SNAPSHOT}.sig": found.snapshot_signature,
        f"{feed.TABLE}.sig": found.table_signature,
        f"{feed.DELTA}.sig": found.delta_signature,
        "key.pem": pem(found.public_key),
    }.get(name)
    if octets is None:
        raise Http404
    if not octets:
        message = f"The snapshot of version {found.version} is no longer kept: take the newest."
        raise NotFound(message)
    # The version is signed, and each of its files is one series of octets for ever.
    etag = f'"{found.version}-{name}-{key_id(found.public_key)[:8]}"'
    response = HttpResponse(octets, content_type=MEDIA_TYPES[name])
    response.headers["Headwater-Feed-Version"] = str(found.version)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.headers["ETag"] = etag
    return get_conditional_response(request, etag=etag, response=response) or response
