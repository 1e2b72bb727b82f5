import json
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from headwater.errors import Unavailable
from headwater.site import secret_files
from headwater.site.config import Config


def everything(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_every_secret_is_made_once_and_kept(config: Config) -> None:
    secret_files.ensure(config)
    first = everything(config.secrets)
    secret_files.ensure(config)
    assert everything(config.secrets) == first
    assert set(first) >= {
        "audit-key.pem", "block-feed-key.pem", "calls-readers.json", "calls.json", "deconfliction-key",
        "django-secret-key", "evidence-key.pem", "paper-certificate.pem", "paper-key.pem", "publication-key.pem",
        "receipt-key.pem",
    }  # fmt: skip


def test_two_data_directories_share_no_secret(config: Config, tmp_path: Path) -> None:
    from dataclasses import replace

    other = replace(config, home=tmp_path / "other")
    secret_files.ensure(config)
    secret_files.ensure(other)
    one, two = everything(config.secrets), everything(other.secrets)
    assert all(one[name] != two[name] for name in one)


def test_no_secret_can_be_read_by_anybody_else(config: Config) -> None:
    secret_files.ensure(config)
    assert stat.S_IMODE(config.secrets.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in config.secrets.iterdir()} == {0o600}
    assert secret_files.wrong_modes(config.secrets) == []


def test_a_secret_that_others_may_read_is_found(config: Config) -> None:
    secret_files.ensure(config)
    key = config.secrets / secret_files.AUDIT_KEY
    key.chmod(0o640)
    assert secret_files.wrong_modes(config.secrets) == [key]


def test_the_signing_keys_are_ed25519_and_differ(config: Config) -> None:
    secret_files.ensure(config)
    audit, evidence = (
        load_pem_private_key((config.secrets / name).read_bytes(), None)
        for name in (secret_files.AUDIT_KEY, secret_files.EVIDENCE_KEY)
    )
    assert isinstance(audit, Ed25519PrivateKey)
    assert isinstance(evidence, Ed25519PrivateKey)
    assert audit.private_bytes_raw() != evidence.private_bytes_raw()


def test_each_process_asks_the_call_store_under_its_own_name_and_secret(config: Config) -> None:
    secret_files.ensure(config)
    urls = secret_files.read_json(config.secrets / secret_files.CALLS_URLS)
    readers = secret_files.read_json(config.secrets / secret_files.CALLS_READERS)
    assert urls["calls"] == f"chdb://{config.home}/calls"
    for name in ("desk", "portal", "carrier", "work", "admin"):
        assert urls[name] == f"http://{name}:{readers[name]}@127.0.0.1:{config.calls_port}"
    assert len(set(readers.values())) == 5
    assert "calls" not in readers


def test_a_call_store_of_the_operators_own_is_everybodys(config: Config) -> None:
    secret_files.ensure(config, calls_url="https://u:s@clickhouse.example:8443")
    urls = secret_files.read_json(config.secrets / secret_files.CALLS_URLS)
    assert set(urls.values()) == {"https://u:s@clickhouse.example:8443"}


def test_on_a_server_each_process_may_have_a_user_of_its_own(config: Config) -> None:
    from dataclasses import replace

    secret_files.ensure(replace(config, calls_users=True), calls_url="https://u:s@clickhouse.example:8443/?x=1")
    urls = secret_files.read_json(config.secrets / secret_files.CALLS_URLS)
    readers = secret_files.read_json(config.secrets / secret_files.CALLS_READERS)
    assert urls["calls"] == "https://u:s@clickhouse.example:8443/?x=1"
    assert urls["desk"] == f"https://headwater_desk:{readers['desk']}@clickhouse.example:8443/?x=1"
    assert len({url.split("@")[0] for url in urls.values()}) == 1 + len(readers)


def test_moving_a_port_changes_the_urls_and_keeps_the_secrets(config: Config) -> None:
    from dataclasses import replace

    secret_files.ensure(config)
    before = secret_files.read_json(config.secrets / secret_files.CALLS_READERS)
    secret_files.ensure(replace(config, calls_port=1234))
    assert secret_files.read_json(config.secrets / secret_files.CALLS_READERS) == before
    assert ":1234" in secret_files.read_json(config.secrets / secret_files.CALLS_URLS)["desk"]


def test_a_write_that_fails_leaves_the_old_secret_and_no_draft(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    secret_files.write(path, "old")
    with pytest.raises(TypeError):
        secret_files.write(path, b"not text")  # type: ignore[arg-type]
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("text", ["{", "[]", '"x"'])
def test_a_file_that_is_no_object_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "calls.json"
    path.write_text(text)
    with pytest.raises(Unavailable, match=r"calls\.json"):
        secret_files.read_json(path)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    assert secret_files.read_json(path) == {}
    secret_files.write(path, json.dumps({"a": "b"}))
    assert secret_files.read_json(path) == {"a": "b"}


def test_a_new_deposit_key_comes_with_its_own_public_half(tmp_path: Path) -> None:
    folder = secret_files.private_folder(tmp_path / "secrets")
    secret_files._deposit_keys(folder)
    before = (folder / secret_files.DEPOSIT_APPROVER).read_text()
    secret_files._deposit_keys(folder)
    assert (folder / secret_files.DEPOSIT_APPROVER).read_text() == before
    (folder / secret_files.DEPOSIT_KEY).unlink()
    secret_files._deposit_keys(folder)
    assert (folder / secret_files.DEPOSIT_APPROVER).read_text() != before
