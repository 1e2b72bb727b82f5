"""The readers of registry files, on the real forms and on rubbish."""

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey

from headwater.numbering.plan import VACANT
from headwater.providers.registries import authorities, filers, tables
from headwater.providers.registries.entries import BadRegistry, Entry, Fault
from tests.providers.registries.files import FILER, OCN_LIST, blocks, rmd

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def parted(found: Any) -> tuple[list[Entry], list[Fault]]:
    every = list(found)
    return [one for one in every if isinstance(one, Entry)], [one for one in every if isinstance(one, Fault)]


def test_filings_of_the_mitigation_database_keep_every_column() -> None:
    (one,), faults = parted(tables.rmd(io.BytesIO(rmd(("RMD0001234", "0024926677", "Acme, Inc.")))))
    assert (one.key, one.name, one.frn) == ("RMD0001234", "Acme, Inc.", "0024926677")
    assert one.detail["business_address"] == "1 SYNTHETIC Street\nSpringfield, XX"
    assert one.detail["implementation"] == "Complete"
    assert faults == []


def test_a_filing_without_a_number_or_registration_is_a_fault_and_the_rest_goes_in() -> None:
    text = rmd(("RMD1", "0024926677", "a"), ("RMD0001235", "FRN", "b"), ("RMD0001236", "24926677", "c"))
    entries, faults = parted(tables.rmd(io.BytesIO(text)))
    assert [(one.key, one.frn) for one in entries] == [("RMD0001236", "0024926677")]
    assert [fault.reason[:8] for fault in faults] == ["'RMD1' i", "'FRN' is"]


def test_a_filer_of_form_499_with_its_names_and_states() -> None:
    (one,), faults = parted(filers.filers(io.BytesIO(FILER)))
    assert (one.key, one.name, one.frn) == ("831188", "LOW LATENCY COMMUNICATIONS LLC", "0024926677")
    assert one.detail["other_trade_name"] == ["Low Latency Communications", "String by Low Latency"]
    assert one.detail["jurisdiction_state"] == ["alabama", "florida", "georgia"]
    assert one.detail["hq_address.city"] == "PELHAM"
    assert faults == []


def test_the_filers_are_read_in_their_own_character_set() -> None:
    text = FILER.replace(b"LOW LATENCY COMMUNICATIONS", b"CAF\xc9 COMMUNICATIONS")
    (one,), _ = parted(filers.filers(io.BytesIO(text)))
    assert one.name == "CAFÉ COMMUNICATIONS LLC"


BOMB = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
READS = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize(
    ("change", "said", "reason"),
    [
        (b"<Filer499QueryResults", BOMB + b"<Filer499QueryResults", "declares a document type"),
        (b"<Filer499QueryResults", READS + b"<Filer499QueryResults", "declares a document type"),
        (b"</Filer499QueryResults>", b"", "no well-formed XML"),
        (b"Filer499QueryResults", b"html", "root is 'html'"),
        (b"ISO-8859-1", b"ISO-8860-1", "unknown encoding"),
        (b"PELHAM", b"x" * 20_000, "more than 16384 characters"),
        (b"<Filer>", b"<a>" * 40, "deep"),
        (b"<Legal_Name>", b"<Legal_Name>&undefined;", "no well-formed XML"),
        (b"<jurisdiction_state>alabama", b"<j>a</j>" * 2_100 + b"<jurisdiction_state>alabama", "more than 2000 values"),
    ],
)
def test_xml_that_does_more_than_list_filers_is_refused(change: bytes, said: bytes, reason: str) -> None:
    assert change in FILER
    with pytest.raises(BadRegistry, match=reason):
        list(filers.filers(io.BytesIO(FILER.replace(change, said))))


def test_blocks_of_ten_thousand_and_of_a_thousand() -> None:
    text = blocks("PA,215-555,,709J,Acme,PHILA,01/02/2020,AS", "PA,215-556,3,003L,Other,PHILA,,",
                  "PA,215-557,,,,,,VC", "PA,115-555,,709J,,,,AS", "PA,215-558,,7!9J,,,,AS")  # fmt: skip
    entries, faults = parted(tables.blocks(io.BytesIO(text)))
    assert [(one.key, one.ocn, one.first, one.last) for one in entries] == [
        ("215555", "709J", 12_155_550_000, 12_155_559_999),
        ("2155563", "003L", 12_155_563_000, 12_155_563_999),
        ("215557", VACANT, 12_155_570_000, 12_155_579_999),
    ]
    assert entries[0].detail == {"state": "PA", "rate_center": "PHILA", "status": "AS", "effective": "01/02/2020"}
    assert [fault.position for fault in faults] == [5, 6]


def test_other_exports_of_blocks_name_their_columns_differently() -> None:
    text = b"NPA\tNXX\tBlock ID\tOCN\tCompany Name\n215\t555\t1\t709J\tAcme\n"
    ((one,), _) = parted(tables.blocks(io.BytesIO(text)))
    assert (one.key, one.name) == ("2155551", "Acme")


def test_the_company_codes_seen_in_certificates_are_one_entry_a_code() -> None:
    entries, faults = parted(tables.ocn(io.BytesIO(OCN_LIST)))
    assert len(entries) == len({one.key for one in entries}) > 500
    voyage = next(one for one in entries if one.key == "006L")
    assert voyage.name == "VoyageNetworks"
    assert len(voyage.detail["certificates"]) >= 2
    assert [fault.reason for fault in faults if "no OCN" not in fault.reason] == []


@pytest.mark.parametrize(
    ("line", "span"),
    [
        ("2155550100", (12_155_550_100, 12_155_550_100)),
        ("+1 (215) 555-0100", (12_155_550_100, 12_155_550_100)),
        ("215-555-0100", (12_155_550_100, 12_155_550_100)),
        ("2155550100-2155550199", (12_155_550_100, 12_155_550_199)),
        ("+12155550100 - +12155550199", (12_155_550_100, 12_155_550_199)),
        ("21555501XX", (12_155_550_100, 12_155_550_199)),
        ("12155550100", (12_155_550_100, 12_155_550_100)),
        ("2155550199-2155550100", None),
        ("nonsense", None),
        ("215555010", None),
        ("+442071234567", None),
    ],
)
def test_a_plain_list_holds_numbers_and_ranges(line: str, span: tuple[int, int] | None) -> None:
    entries, faults = parted(tables.dno(io.BytesIO(f"number\n{line}\n".encode())))
    assert [(one.first, one.last) for one in entries] == ([span] if span else [])
    assert len(faults) == (span is None)


def test_a_plain_list_needs_no_header() -> None:
    entries, _ = parted(tables.dno(io.BytesIO(b"2155550100\n2155550101\n")))
    assert [one.first for one in entries] == [12_155_550_100, 12_155_550_101]


def test_a_table_of_numbers_that_may_not_call_has_kinds_and_days() -> None:
    text = (
        b"first,last,kind,reason,source,from,to\n"
        b"8005550100,8005550199,Subscriber-set,inbound only,IRS,2026-01-01,12/31/2026\n"
        b"2155550100,,unused,,,,\n2155550101,,secret,,,,\n2155550102,,unallocated,,,soon,\n"
    )
    entries, faults = parted(tables.dno(io.BytesIO(text)))
    assert entries[0].detail == {
        "kind": "subscriber", "reason": "inbound only", "source": "IRS", "from": "2026-01-01", "to": "2026-12-31",
    }  # fmt: skip
    assert entries[1].detail == {"kind": "unused"}
    assert [fault.position for fault in faults] == [4, 5]


@pytest.mark.parametrize("reader", [tables.rmd, tables.blocks, tables.ocn])
@pytest.mark.parametrize("octets", [b"", b"<html>", b"\x00\xff", b"a,b\n1,2\n", b"PK\x03\x04"])
def test_a_file_that_is_no_such_table_is_refused_whole(reader: Any, octets: bytes) -> None:
    with pytest.raises(BadRegistry, match="no column"):
        list(reader(io.BytesIO(octets)))


@pytest.mark.parametrize("reader", [tables.rmd, tables.blocks, tables.ocn, tables.dno])
def test_a_header_that_is_no_row_is_refused(reader: Any) -> None:
    with pytest.raises(BadRegistry, match="names no columns"):
        list(reader(io.BytesIO(b"number,kind\rOCN,name\n1,2\n")))


def test_an_endless_line_is_refused() -> None:
    with pytest.raises(BadRegistry, match="a line has more than"):
        list(tables.dno(io.BytesIO(b"number\n" + b"9" * 1_000_000)))


@given(st.binary(max_size=400))
def test_no_reader_breaks_on_rubbish(octets: bytes) -> None:
    for reader, head in (
        (tables.rmd, rmd()), (tables.blocks, blocks()), (tables.ocn, b"OCN,Name\n"), (tables.dno, b"number,kind\n"),
        (filers.filers, b""),
    ):  # fmt: skip
        try:
            for one in reader(io.BytesIO(head + octets)):
                assert isinstance(one, Entry | Fault)
        except BadRegistry:
            continue


class Administrator:
    """A stand-in for the STI-PA: signs lists of authorities with a P-256 key."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self.issue("STI-PA")

    def issue(self, name: str) -> x509.Certificate:
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        builder = x509.CertificateBuilder(
            issuer_name=subject,
            subject_name=subject,
            public_key=self.key.public_key(),
            serial_number=x509.random_serial_number(),
            not_valid_before=self.now - timedelta(days=1),
            not_valid_after=self.now + timedelta(days=1),
        )
        return builder.sign(self.key, hashes.SHA256())

    def pem(self, name: str) -> str:
        return self.issue(name).public_bytes(serialization.Encoding.PEM).decode()

    @property
    def signer(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def list_of(self, payload: Any) -> bytes:
        import json

        pem = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        header = {"alg": "ES256", "typ": "JWT", "x5u": "https://pa.example/cert"}
        return jws.serialize_compact(header, json.dumps(payload).encode(), ECKey.import_key(pem)).encode()


def test_the_approved_authorities_of_a_list_that_the_administrator_signed() -> None:
    pa = Administrator()
    octets = pa.list_of({"version": "1.0", "sequence": 7, "trustList": [pa.pem("CA One"), pa.pem("CA Two")]})
    entries, faults = parted(authorities.authorities(octets, signer=pa.signer, now=NOW))
    assert [one.name for one in entries] == ["CA One", "CA Two"]
    assert entries[0].detail["list_sequence"] == "7"
    assert faults == []
    assert authorities.pem_of([entry.detail["pem"] for entry in entries]).count(b"BEGIN CERTIFICATE") == 2


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (lambda pa: (pa.list_of({"trustList": [pa.pem("CA")]}), Administrator().signer, NOW), "not that of its signer"),
        (lambda pa: (pa.list_of({"trustList": [pa.pem("CA")]})[:-4], pa.signer, NOW), "cannot be taken"),
        (lambda pa: (pa.list_of({"trustList": []}), pa.signer, NOW), "cannot be taken"),
        (lambda pa: (pa.list_of({"trustList": [pa.pem("CA"), "rubbish"]}), pa.signer, NOW), "cannot be taken"),
        (lambda pa: (pa.list_of([1]), pa.signer, NOW), "cannot be taken"),
        (lambda pa: (pa.list_of({"trustList": [pa.pem("CA")], "exp": 1}), pa.signer, NOW), "has expired"),
        (lambda pa: (pa.list_of({"trustList": [pa.pem("CA")]}), pa.signer, NOW + timedelta(days=9)), "not valid today"),
        (lambda pa: (pa.list_of({"trustList": [pa.pem("CA")]}), b"rubbish", NOW), "cannot be taken"),
        (lambda pa: (pa.pem("CA").encode(), pa.signer, NOW), "nobody signed"),
        (lambda pa: (b"<html>", pa.signer, NOW), "cannot be taken"),
    ],
)
def test_a_list_whose_signature_does_not_hold_is_refused(break_it: Any, said: str) -> None:
    octets, signer, now = break_it(Administrator())
    with pytest.raises(BadRegistry, match=said):
        list(authorities.authorities(octets, signer=signer, now=now))
