"""A real call store, a signing key in the secrets folder, and the scene of tests/evidence/scenery.py."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.calls.store import CallStore
from headwater.evidence import actions, keys
from headwater.evidence.models import Package
from headwater.evidence.seal import seal
from headwater.legal import actions as legal
from headwater.legal.documents import inspect
from headwater.legal.rules import Grant, ProcessType, Request
from headwater.site import secret_files
from tests.evidence.scenery import PDF, Scene, build


@pytest.fixture
def home(tmp_path: Path, settings: Any, call_store: tuple[str, CallStore]) -> Path:
    """A data directory with the custodian's key, which the rooms read as theirs."""
    settings.HEADWATER = replace(settings.HEADWATER, home=tmp_path, calls_url=call_store[0])
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    octets = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (secrets / keys.FILE).write_bytes(octets)
    (secrets / "audit-key.pem").write_bytes(octets)
    secret_files.paper_key(secrets)
    return tmp_path


@pytest.fixture
def custodian_key(home: Path) -> bytes:
    """The public key that a reader holds a package against."""
    return keys.pem(keys.load(home / "secrets").public_key())


@pytest.fixture
def scene(home: Path, call_store: tuple[str, CallStore], agency: Actor) -> Scene:
    return build(call_store[1], agency)


def asked(**changes: Any) -> Request:
    """Return a request as an agency makes it."""
    values: dict[str, Any] = {
        "process_type": ProcessType.SUBPOENA,
        "authority": "Michigan AG",
        "statute": "47 U.S.C. § 227(g)(1)",
        "case_number": "2026-CP-0815",
        "scope": "Records of the campaign",
        "covers_from": clock.now() - timedelta(days=2),
        "covers_to": None,
        "return_date": date.today() + timedelta(days=14),  # noqa: DTZ011 - a day, as on paper
        "signer": "Alex Example, Assistant Attorney General",
        "called_numbers": True,
        "customer_identity": False,
    }
    return Request(**{**values, **changes})


@pytest.fixture
def served(scene: Scene, agency: Actor) -> str:
    """A process that is served and not looked at yet."""
    return serve(scene, agency)


def serve(scene: Scene, agency: Actor, **changes: Any) -> str:
    """Serve a process from the scene's alert."""
    draft = legal.draft(agency, scene.alert_id, asked(**changes), inspect("subpoena.pdf", PDF))
    return legal.serve(agency, draft.id).id


def accept(reviewer: Actor, process_id: str, *, called_numbers: bool = True, customer_identity: bool = False) -> str:
    """Accept a process and return its package's identifier."""
    grant = Grant(called_numbers=called_numbers, customer_identity=customer_identity)
    return actions.accept_and_produce(
        reviewer, process_id, reason="In order.", identity_check="Called the published number.", grant=grant
    ).id


@pytest.fixture
def package(home: Path, served: str, reviewer: Actor) -> Path:
    """A sealed package on disk."""
    package_id = accept(reviewer, served)
    seal(package_id)
    return home / "packages" / Package.objects.get(id=package_id).filename
