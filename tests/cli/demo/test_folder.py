"""A demo starts in a folder of its own and goes on only with the demo that is there."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from headwater.cli.demo import folder as folders
from headwater.cli.demo.folder import Folder, Login, Remembered
from headwater.cli.demo.memory import Memory
from headwater.errors import Conflict, Invalid


def facts(**changes) -> Remembered:
    values = {
        "seed": 3,
        "carriers": 12,
        "port_base": 8400,
        "logins": {
            "reviewer": Login(
                application="desk", name="R", email="r@x.example", password="p", totp_secret="s", role="reviews"
            )
        },
        "feed_tokens": {"app": "token"},
        "feed_sources": {"app": "FP-1"},
        "hep_keys": {"X001": "key"},
        **changes,
    }
    return Remembered(**values)


def choose(home: Path, **changes):
    return folders.choose(home, **{"seed": None, "carriers": None, "port_base": 8400, **changes})


def test_a_new_folder_gets_the_defaults(tmp_path):
    folder, seed, carriers, again = choose(tmp_path / "new")
    assert (seed, carriers, again) == (1, 12, False)
    assert folder.url("portal") == "http://127.0.0.1:8402"
    assert folder.port("hep") == 9060


def test_a_folder_that_holds_something_else_is_refused(tmp_path):
    (tmp_path / "postgres").mkdir()
    with pytest.raises(Conflict, match="choose another --home"):
        choose(tmp_path)


def test_an_earlier_demo_goes_on_with_its_own_network(tmp_path):
    folder = Folder(home=tmp_path, port_base=8400)
    folder.own.mkdir()
    folders.remember(folder, facts())
    _, seed, carriers, again = choose(tmp_path)
    assert (seed, carriers, again) == (3, 12, True)
    assert choose(tmp_path, seed=3)[3]


@pytest.mark.parametrize("change", [{"seed": 4}, {"carriers": 13}])
def test_another_network_does_not_go_on_with_an_earlier_demo(tmp_path, change):
    folder = Folder(home=tmp_path, port_base=8400)
    folder.own.mkdir()
    folders.remember(folder, facts())
    with pytest.raises(Conflict, match="was made with"):
        choose(tmp_path, **change)


def test_what_is_remembered_comes_back_and_is_readable_by_its_owner_alone(tmp_path):
    folder = Folder(home=tmp_path, port_base=8400)
    folder.own.mkdir()
    folders.remember(folder, facts())
    assert folders.remembered(folder) == facts()
    assert stat.S_IMODE(folder.remembered.stat().st_mode) == 0o600


def test_a_damaged_memory_is_said_and_not_overwritten(tmp_path):
    folder = Folder(home=tmp_path, port_base=8400)
    folder.own.mkdir()
    folder.remembered.write_text("{")
    with pytest.raises(Conflict, match="cannot be read"):
        choose(tmp_path)


@pytest.mark.parametrize("base", [0, 80, 65_000])
def test_ports_that_do_not_fit_are_refused(tmp_path, base):
    with pytest.raises(Invalid, match="--port-base"):
        choose(tmp_path / "new", port_base=base)


def test_an_operators_own_servers_are_not_for_simulated_calls(tmp_path, monkeypatch):
    monkeypatch.setenv("HEADWATER_DATABASE_URL", "postgresql://real")
    monkeypatch.setenv("HEADWATER_CALLS_URL", "https://real")
    environment = Folder(home=tmp_path, port_base=9000).environment()
    assert "HEADWATER_DATABASE_URL" not in environment
    assert "HEADWATER_CALLS_URL" not in environment
    assert environment["HEADWATER_HOME"] == str(tmp_path)
    assert environment["HEADWATER_DESK_PORT"] == "9001"


def test_memory_counts_a_process_and_what_it_started(tmp_path):
    code = "import time; block = bytearray(80 * 1024 * 1024); print('ready', flush=True); time.sleep(60)"
    alone = Memory(roots=(os.getpid(),), pidfile=tmp_path / "none")
    alone.sample()
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        both = Memory(roots=(os.getpid(),), pidfile=tmp_path / "none")
        both.sample()
        child.kill()
    assert both.peak_pss_mib - alone.peak_pss_mib > 70
    assert both.peak_rss_mib >= both.peak_pss_mib
