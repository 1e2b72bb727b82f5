"""Trust lists from an operator's folder: one sub-folder an ecosystem, its approved authorities as PEM files.

``trust/US/*.pem``, ``trust/CA/*.pem``; a single PEM file is one list. The real STI-PA list needs an account with
it, so the operator places the files and keeps their provenance.
"""

from pathlib import Path

from headwater.stir.certificates import TrustList, parse_pem_chain

MAX_ANCHORS = 2_000


def load_trust(place: Path) -> list[TrustList]:
    """Return the trust lists at ``place``; none where there is nothing.

    Raises:
        CertificateError: a file holds something else than certificates.
        OSError: a file cannot be read.
    """
    if place.is_file():
        return [TrustList(parse_pem_chain(place.read_bytes(), at_most=MAX_ANCHORS), name=place.stem)]
    lists = []
    for folder in sorted(each for each in place.glob("*") if each.is_dir()):
        anchors = [
            anchor
            for file in sorted(folder.glob("*.pem"))
            for anchor in parse_pem_chain(file.read_bytes(), at_most=MAX_ANCHORS)
        ]
        if anchors:
            lists.append(TrustList(anchors, name=folder.name))
    return lists
