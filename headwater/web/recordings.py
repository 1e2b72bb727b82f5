"""Recordings as a page's player asks for them: octets of a file, whole or in a range (RFC 9110 section 14).

Only who may see the call hears it, and each request is in the audit; the file is named by its hash and read anew, so
that what is heard is what was kept.
"""

import re
import uuid
from typing import Final

from django.conf import settings
from django.http import HttpResponse, HttpResponseBase
from django.views.decorators.http import require_safe

from headwater.accounts.permissions import Permission
from headwater.alerts import actions as alerts
from headwater.campaigns import recordings
from headwater.intake.recordings import Recordings
from headwater.web.access import ActorRequest, page

#: What a sender may call its recording -> what the browser is told. Anything else is octets: nothing else is played.
TYPES: Final = {
    "audio/wav": "audio/wav",
    "audio/x-wav": "audio/wav",
    "audio/wave": "audio/wav",
    "audio/vnd.wave": "audio/wav",
    "audio/mpeg": "audio/mpeg",
    "audio/mp3": "audio/mpeg",
    "audio/ogg": "audio/ogg",
    "audio/opus": "audio/ogg",
    "audio/webm": "audio/webm",
    "audio/mp4": "audio/mp4",
    "audio/flac": "audio/flac",
}
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


@page(Permission.CALL_READ)
@require_safe
def of_call(request: ActorRequest, campaign_id: str, record_id: uuid.UUID) -> HttpResponseBase:
    """Give the recording of one call of a campaign, at the desk."""
    found = recordings.hear(request.actor, campaign_id, record_id)
    return serve(request, found.sha256, found.media_type)


@page(Permission.ALERT_READ)
@require_safe
def of_sample(request: ActorRequest, alert_id: str, record_id: uuid.UUID) -> HttpResponseBase:
    """Give the recording of a sample call of an alert, in the portal."""
    sha256, media_type = alerts.hear(request.actor, alert_id, str(record_id))
    return serve(request, sha256, media_type)


def serve(request: ActorRequest, sha256: str, media_type: str) -> HttpResponseBase:
    """Answer with the recording, whole or in the one range that was asked for.

    Raises:
        NotFound: it is not kept on this machine any more.
        Conflict: the file is not what was kept.
    """
    octets = Recordings(settings.HEADWATER.home).get(sha256)
    first, last, status = _part(request.headers.get("Range", ""), len(octets))
    if status == 416:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{len(octets)}"})
    kind = TYPES.get(media_type.partition(";")[0].strip().lower(), "application/octet-stream")
    response = HttpResponse(octets[first : last + 1], status=status, content_type=kind)
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["Content-Disposition"] = f'inline; filename="{sha256[:16]}"'
    response.headers["Cache-Control"] = "private, no-store"
    if status == 206:
        response.headers["Content-Range"] = f"bytes {first}-{last}/{len(octets)}"
    return response


def _part(header: str, length: int) -> tuple[int, int, int]:
    """Return (first octet, last octet, status) of a Range header; several ranges, or rubbish, are the whole."""
    whole = (0, length - 1, 200)
    found = _RANGE.fullmatch(header.strip())
    if found is None or found.groups() == ("", ""):
        return whole
    start, end = found.groups()
    if not start:
        back = int(end)
        return (max(length - back, 0), length - 1, 206) if back else (0, 0, 416)
    first = int(start)
    last = min(int(end), length - 1) if end else length - 1
    if first >= length:
        return 0, 0, 416
    return (first, last, 206) if first <= last else whole
