import json
from pathlib import Path

import pytest

from headwater.errors import Invalid
from headwater.site.config import Process, load


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("HEADWATER_DATABASE_URL", "HEADWATER_CALLS_URL", "HEADWATER_PROCESS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HEADWATER_HOME", str(tmp_path))
    (tmp_path / "secrets").mkdir()
    return tmp_path


def test_without_any_setting_everything_is_on_loopback(home: Path) -> None:
    config = load()
    assert config.bind == "127.0.0.1"
    assert (config.desk_port, config.portal_port, config.carrier_port, config.calls_port) == (8401, 8402, 8403, 8404)
    assert config.database_url == ""


@pytest.mark.parametrize("text", ["0", "65536", "http", "-1", "84 01", "8401.5", "٨٤٠١"])
def test_a_port_that_is_none_is_named_with_its_setting(home: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("HEADWATER_DESK_PORT", text)
    with pytest.raises(Invalid, match="HEADWATER_DESK_PORT"):
        load()


def test_an_unknown_process_is_refused_with_the_known_ones(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWATER_PROCESS", "root")
    with pytest.raises(Invalid, match="calls, desk, portal, carrier, public, work, admin"):
        load()


def test_each_process_reads_its_own_url_and_no_others(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    urls = {process.value: f"postgresql://{process.database_role}@/headwater" for process in Process}
    (home / "secrets" / "database.json").write_text(json.dumps(urls))
    for process in Process:
        monkeypatch.setenv("HEADWATER_PROCESS", process.value)
        assert load().database_url == urls[process.value]


def test_a_url_given_to_a_process_goes_before_the_written_one_but_not_for_the_operator(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "secrets" / "database.json").write_text(json.dumps({"desk": "written", "admin": "written"}))
    monkeypatch.setenv("HEADWATER_DATABASE_URL", "given")
    monkeypatch.setenv("HEADWATER_PROCESS", "desk")
    assert load().database_url == "given"
    monkeypatch.setenv("HEADWATER_PROCESS", "admin")
    assert load().database_url == "written"


def test_a_broken_url_file_is_named_with_what_to_do(home: Path) -> None:
    (home / "secrets" / "database.json").write_text("{")
    with pytest.raises(Invalid, match=r"database\.json is not JSON.*headwater database prepare"):
        load()


@pytest.mark.parametrize(
    ("bind", "host"),
    [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::", "[::1]"), ("::1", "[::1]")],  # noqa: S104 - parsed only
)
def test_a_process_is_reached_on_an_address_that_can_be_reached(
    home: Path, monkeypatch: pytest.MonkeyPatch, bind: str, host: str
) -> None:
    monkeypatch.setenv("HEADWATER_BIND", bind)
    assert load().host == host
