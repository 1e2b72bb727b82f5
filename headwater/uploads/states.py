"""The states of an upload and what may follow each. Pure."""

from enum import StrEnum


class UploadState(StrEnum):
    """Where an upload is on its way."""

    UPLOADED = "uploaded"
    """The file is here; nobody has said yet that it is understood rightly."""
    QUEUED = "queued"
    STORING = "storing"
    STORED = "stored"
    """Every row is settled: stored, known already, of no call, or refused with its reason."""
    UPLOAD_FAILED = "upload_failed"
    """It could not be read to its end; what was stored stays, and it may be tried again."""
    WITHDRAWN = "withdrawn"
    """Thrown away before anything was stored."""


#: What may follow a state.
NEXT_STATES: dict[UploadState, frozenset[UploadState]] = {
    UploadState.UPLOADED: frozenset({UploadState.QUEUED, UploadState.WITHDRAWN}),
    UploadState.QUEUED: frozenset({UploadState.STORING, UploadState.STORED, UploadState.UPLOAD_FAILED}),
    UploadState.STORING: frozenset({UploadState.STORING, UploadState.STORED, UploadState.UPLOAD_FAILED}),
    UploadState.STORED: frozenset(),
    UploadState.UPLOAD_FAILED: frozenset({UploadState.QUEUED, UploadState.WITHDRAWN}),
    UploadState.WITHDRAWN: frozenset(),
}
OPEN = frozenset({UploadState.UPLOADED, UploadState.QUEUED, UploadState.STORING})
