"""Answers that are files: always saved, never shown in our pages."""

import io
from pathlib import Path
from typing import BinaryIO

from django.http import FileResponse


def _attachment(file: BinaryIO, filename: str, content_type: str) -> FileResponse:
    response = FileResponse(file, as_attachment=True, filename=filename, content_type=content_type)
    # Should a browser show it after all, it may do nothing: no script, no frame, no plug-in.
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-store"
    return response


def octets(content: bytes, *, filename: str, content_type: str) -> FileResponse:
    """Return ``content`` as a download."""
    return _attachment(io.BytesIO(content), filename, content_type)


def file(path: Path, *, filename: str, content_type: str) -> FileResponse:
    """Return the file at ``path`` as a download, read in pieces while it is sent."""
    return _attachment(path.open("rb"), filename, content_type)
