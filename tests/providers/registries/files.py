"""Registry files for tests. What is marked SYNTHETIC is made up: real columns, invented rows."""

from tests.product import ROOT

DATA = ROOT / "tests" / "data" / "registry"
RMD_COLUMNS = (DATA / "fcc-rmd-columns.csv").read_bytes().removeprefix(b"\xef\xbb\xbf").strip()
FILER = (DATA / "fcc-499-filer.xml").read_bytes()
OCN_LIST = (DATA / "ocn_seen_in_shaken_pki_2025-08-18.csv").read_bytes()


def rmd(*filings: tuple[str, str, str], note: str = "") -> bytes:
    """Return a SYNTHETIC Robocall Mitigation Database of (number, FRN, name), UTF-8 with BOM."""
    columns = RMD_COLUMNS.decode().split(",")
    rows = []
    for number, frn, name in filings:
        row = dict.fromkeys(columns, "")
        row |= {"number": number, "frn": frn, "business_name": f'"{name}"', "implementation": note or "Complete"}
        row |= {"business_address": '"1 SYNTHETIC Street\nSpringfield, XX"', "last_updated": "2026-11-01"}
        rows.append(",".join(row[column] for column in columns))
    return b"\xef\xbb\xbf" + "\r\n".join([",".join(columns), *rows]).encode() + b"\r\n"


def blocks(*lines: str) -> bytes:
    """Return SYNTHETIC thousands-blocks."""
    return ("State,NPA-NXX,X,OCN,Company,RateCenter,EffectiveDate,Use\n" + "\n".join(lines) + "\n").encode()
