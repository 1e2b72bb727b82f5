"""The verifier as a program of its own: ``python3 verify.pyz PACKAGE.zip --key CUSTODIAN.pem``. Standard library only.

It is the very code that ``headwater evidence verify`` runs; ``bundle`` packs both into the one file that each package
carries.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from headwater.evidence.report import lines
from headwater.evidence.verify import verify


def main(arguments: Sequence[str] | None = None) -> int:
    """Check one package and print every finding; return 0 if nothing is wrong, 1 if something is, 2 if not asked well.

    Raises:
        SystemExit: the arguments cannot be read; argparse has said why.
    """
    parser = argparse.ArgumentParser(
        prog="verify.pyz",
        description="Check a sealed Headwater package. Needs Python 3.11 or later, no network and nothing else.",
    )
    parser.add_argument("file", type=Path, help="the package, a .zip file")
    parser.add_argument("--key", type=Path, help="the custodian's public key (PEM), got by another way")
    parser.add_argument("--full", type=Path, help="of a public version: the full package that it was made from")
    parser.add_argument("--every", action="store_true", help="print one line for every file")
    asked = parser.parse_args(arguments)
    try:
        pinned = asked.key.read_bytes() if asked.key else None
    except OSError as error:
        print(f"The key file {asked.key} cannot be read: {error.strerror}.", file=sys.stderr)  # noqa: T201 - a program
        return 2
    report = verify(asked.file, pinned, full=asked.full)
    for line in lines(report, asked.file, every=asked.every):
        print(line)  # noqa: T201 - a program
    return 0 if report.ok else 1
