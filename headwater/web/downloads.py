"""Answers that are files, for desk and portal alike: always saved, never shown in our pages.

Who may have one is decided by the rooms: ``queries`` hand out what the actor may see, or nothing.
"""

import io
from typing import BinaryIO

from django.http import FileResponse, HttpResponseBase
from django.views.decorators.http import require_GET

from headwater.accounts.permissions import Permission
from headwater.evidence import queries as evidence
from headwater.legal import queries as legal
from headwater.web.access import ActorRequest, page


@page(Permission.PROCESS_READ)
@require_GET
def document(request: ActorRequest, process_id: str, document_id: int) -> HttpResponseBase:
    """Hand out a document of a process as it was received."""
    found = legal.document(request.actor, process_id, document_id)
    return attachment(io.BytesIO(found.octets), found.filename, found.content_type)


@page(Permission.PROCESS_READ)
@require_GET
def letter(request: ActorRequest, process_id: str, letter_id: int) -> HttpResponseBase:
    """Hand out a receipt or letter as it was made."""
    found = legal.letter(request.actor, process_id, letter_id)
    return attachment(io.BytesIO(found.octets), found.filename, found.content_type)


@page(Permission.PACKAGE_DOWNLOAD)
@require_GET
def package(request: ActorRequest, package_id: str) -> HttpResponseBase:
    """Hand out a sealed package, read in pieces while it is sent."""
    found = evidence.open_package(request.actor, package_id)
    return attachment(found.path.open("rb"), found.filename, "application/zip")


@page(Permission.PACKAGE_DOWNLOAD)
@require_GET
def public_version(request: ActorRequest, version_id: str) -> HttpResponseBase:
    """Hand out the public version of a package."""
    found = evidence.open_public(request.actor, version_id)
    return attachment(found.path.open("rb"), found.filename, "application/zip")


def attachment(file: BinaryIO, filename: str, content_type: str) -> FileResponse:
    """Return a file to be saved, never shown in our pages."""
    if content_type.startswith("text/") and "charset" not in content_type:
        content_type += "; charset=utf-8"
    response = FileResponse(file, as_attachment=True, filename=filename, content_type=content_type)
    # Should a browser show it after all, it may do nothing: no script, no frame, no plug-in.
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-store"
    return response
