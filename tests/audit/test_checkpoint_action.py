"""Signing where the database stands."""

import shutil
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.conf import LazySettings
from django.db import connection

from headwater.accounts.actors import Actor
from headwater.audit import actions, queries
from headwater.audit.actions import checkpoint, record
from headwater.audit.tags import Tag
from headwater.audit.verify import Outcome
from headwater.errors import Conflict, Unavailable

pytestmark = pytest.mark.django_db


@pytest.fixture
def home(tmp_path: Path, settings: LazySettings) -> Path:
    from dataclasses import replace

    settings.HEADWATER = replace(settings.HEADWATER, home=tmp_path)
    (tmp_path / "secrets").mkdir()
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "secrets" / "audit-key.pem").write_bytes(pem)
    return tmp_path


def rewrite(statement: str) -> None:
    """Do what only somebody with the database's superuser can do."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(statement)
        cursor.execute("SET session_replication_role = origin")


def test_a_checkpoint_is_written_only_where_the_log_moved(home: Path, operator: Actor) -> None:
    assert checkpoint() is None
    record(operator, Tag.CALL_VIEWED, "C-1")
    first = checkpoint()
    assert first is not None
    assert first.seq == 1
    assert checkpoint() is None
    record(operator, Tag.CALL_VIEWED, "C-2")
    second = checkpoint()
    assert second is not None
    assert second.seq == 2
    report = queries.check(operator)
    assert report.sound
    assert report.checks[-1].outcome is Outcome.PASSED


def test_a_log_cut_back_since_the_last_checkpoint_is_reported(home: Path, operator: Actor) -> None:
    for number in range(3):
        record(operator, Tag.CALL_VIEWED, f"C-{number}")
    checkpoint()
    rewrite("DELETE FROM audit_entry WHERE seq = 3")
    rewrite("UPDATE audit_head SET seq = 2, hash = (SELECT hash FROM audit_entry WHERE seq = 2)")
    with pytest.raises(Conflict, match=r"entry 3, signed at .* is gone"):
        checkpoint()
    assert not queries.check(operator).sound


def test_a_tree_that_was_lost_or_spoilt_on_disk_is_made_anew_from_the_log(home: Path, operator: Actor) -> None:
    for number in range(5):
        record(operator, Tag.CALL_VIEWED, f"C-{number}")
    checkpoint()
    leaves = home / "audit" / "tree" / "level-0"
    for spoilt in (None, b"\x00" * 64, leaves.read_bytes()[:-7]):
        leaves.unlink() if spoilt is None else leaves.write_bytes(spoilt)
        record(operator, Tag.CALL_VIEWED, "C-9")
        assert checkpoint() is not None
        assert queries.check(operator).sound


def test_an_early_entry_that_was_changed_is_reported_though_the_last_one_stands(home: Path, operator: Actor) -> None:
    for number in range(3):
        record(operator, Tag.CALL_VIEWED, f"C-{number}")
    checkpoint()
    rewrite("UPDATE audit_entry SET hash = repeat('a', 64) WHERE seq = 1")
    shutil.rmtree(home / "audit" / "tree")
    record(operator, Tag.CALL_VIEWED, "C-4")
    with pytest.raises(Conflict, match="its first 3 entries are not those that were signed"):
        checkpoint()


def test_a_log_written_anew_since_the_last_checkpoint_is_reported(home: Path, operator: Actor) -> None:
    record(operator, Tag.CALL_VIEWED, "C-1")
    checkpoint()
    rewrite("UPDATE audit_entry SET hash = repeat('a', 64)")
    rewrite("UPDATE audit_head SET hash = repeat('a', 64)")
    with pytest.raises(Conflict, match="was changed"):
        checkpoint()


def test_without_a_key_it_says_what_to_do(home: Path, operator: Actor) -> None:
    (home / "secrets" / "audit-key.pem").unlink()
    record(operator, Tag.CALL_VIEWED, "C-1")
    with pytest.raises(Unavailable, match="headwater database prepare"):
        actions.checkpoint()


def test_the_newest_entries_alone_can_be_checked(home: Path, operator: Actor) -> None:
    for number in range(10):
        record(operator, Tag.CALL_VIEWED, f"C-{number}")
    rewrite("UPDATE audit_entry SET actor = 'user:eve' WHERE seq = 2")
    assert queries.check(operator, newest=5).sound
    assert not queries.check(operator, newest=9).sound
    assert not queries.check(operator).sound
