"""Where a package stands. Pure."""

from enum import StrEnum


class PackageState(StrEnum):
    """Where a package stands."""

    SEALING = "sealing"
    SEALED = "sealed"
    FAILED = "failed"


STATE_WORDS: dict[PackageState, str] = {
    PackageState.SEALING: "Being sealed",
    PackageState.SEALED: "Sealed",
    PackageState.FAILED: "Failed",
}
