"""The TLS side of a HEP door: real handshakes, with and without client certificates, and peers who never finish one."""

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from headwater.intake.counters import Counters, Outcome, Transport
from headwater.intake.listeners import HepListeners
from headwater.intake.streams import Limits
from headwater.intake.tls import BadTls, TlsFiles, server_context
from tests.intake.senders import MemoryWriter, is_closed, run, until
from tests.intake.test_listeners import KEYED, LAB_A

QUICK = Limits(first_frame_s=0.4, frame_s=0.4)


@dataclass
class Pki:
    """A throw-away CA and what it issued, as files."""

    folder: Path

    def __post_init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.ca = self._write("ca", self._issue("test CA", self._key.public_key(), ca=True))

    def _issue(self, name: str, key: ec.EllipticCurvePublicKey, *, ca: bool = False) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test CA")]))
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        )
        return builder.sign(self._key, hashes.SHA256())

    def _write(self, name: str, certificate: x509.Certificate) -> Path:
        path = self.folder / f"{name}.pem"
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return path

    def leaf(self, name: str) -> tuple[Path, Path]:
        key = ec.generate_private_key(ec.SECP256R1())
        path = self.folder / f"{name}.key"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return self._write(name, self._issue(name, key.public_key())), path

    def client(self, *, shows: str = "") -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.ca))
        if shows:
            context.load_cert_chain(*self.leaf(shows))
        return context


@pytest.fixture
def pki(tmp_path):
    return Pki(tmp_path)


@asynccontextmanager
async def secured(
    writer: MemoryWriter, pki: Pki, *, asks: bool = False, limits: Limits | None = None
) -> AsyncIterator[HepListeners]:
    certificate, key = pki.leaf("door")
    context = server_context(TlsFiles(certificate=certificate, key=key, client_ca=pki.ca if asks else None))
    listeners = HepListeners(
        writer,
        KEYED,
        "127.0.0.1",
        0,
        Counters("tls"),
        transports=frozenset({Transport.TLS}),
        tls=context,
        limits=limits,
    )
    await listeners.start()
    try:
        yield listeners
    finally:
        await listeners.close()


async def send(port: int, context: ssl.SSLContext, octets: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    writer.write(octets)
    await writer.drain()
    writer.close()
    await asyncio.gather(writer.wait_closed(), return_exceptions=True)
    del reader


def test_frames_come_over_tls_and_are_counted_as_such(pki):
    async def scene() -> None:
        writer = MemoryWriter()
        async with secured(writer, pki) as listeners:
            await send(listeners.port, pki.client(), b"".join(LAB_A[:50]))
            await until(lambda: len(writer.kept) == 50)
            assert listeners.counters.total(Outcome.ACCEPTED) == 50
            (family,) = listeners.counters.collect()
            assert {sample.labels["transport"] for sample in family.samples} == {"tls"}

    run(scene())


def test_a_door_that_asks_for_a_certificate_takes_one_of_its_ca_alone(pki, tmp_path):
    async def scene() -> None:
        writer = MemoryWriter()
        stranger = Pki(tmp_path / "stranger")
        async with secured(writer, pki, asks=True) as listeners:
            await send(listeners.port, pki.client(shows="agent"), b"".join(LAB_A[:5]))
            await until(lambda: len(writer.kept) == 5)
            nobody, wrong = pki.client(), pki.client()
            wrong.load_cert_chain(*stranger.leaf("agent"))
            for context in (nobody, wrong):
                # With TLS 1.3 a client may hear of the refusal only after it has sent.
                with suppress(ssl.SSLError, ConnectionError):
                    await send(listeners.port, context, b"".join(LAB_A[5:10]))
            await until(lambda: listeners.counters.total(Outcome.CLOSED, reason="handshake") == 2)
            assert len(writer.kept) == 5

    (tmp_path / "stranger").mkdir()
    run(scene())


def test_plain_octets_at_a_tls_door_are_no_frames(pki):
    async def scene() -> None:
        writer = MemoryWriter()
        async with secured(writer, pki) as listeners:
            reader, sender = await asyncio.open_connection("127.0.0.1", listeners.port)
            sender.write(b"".join(LAB_A[:5]))
            assert await is_closed(reader)
            sender.close()
            await asyncio.gather(sender.wait_closed(), return_exceptions=True)
            await until(lambda: listeners.counters.total(Outcome.CLOSED, reason="handshake") == 1)
            assert not writer.kept

    run(scene())


def test_who_never_finishes_the_handshake_holds_a_place_for_a_while_and_no_longer(pki):
    async def scene() -> None:
        limits = Limits(first_frame_s=0.4, connections=3, connections_per_address=3)
        async with secured(MemoryWriter(), pki, limits=limits) as listeners:
            peers = [await asyncio.open_connection("127.0.0.1", listeners.port) for _ in range(5)]
            await until(lambda: listeners.counters.total(Outcome.CLOSED, reason="too-many-connections") == 2)
            await until(lambda: listeners.connections == 0)
            for _, sender in peers:
                sender.close()
            await asyncio.gather(*(sender.wait_closed() for _, sender in peers), return_exceptions=True)

    run(scene())


def test_files_that_do_not_fit_are_named(pki, tmp_path):
    certificate, key = pki.leaf("door")
    with pytest.raises(BadTls, match=r"nowhere\.pem"):
        server_context(TlsFiles(certificate=tmp_path / "nowhere.pem", key=key))
    with pytest.raises(BadTls, match=r"other\.key"):
        server_context(TlsFiles(certificate=certificate, key=pki.leaf("other")[1]))
    with pytest.raises(BadTls, match="client CA"):
        server_context(TlsFiles(certificate=certificate, key=key, client_ca=key))
