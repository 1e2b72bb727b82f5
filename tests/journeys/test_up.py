"""``headwater up`` as an operator meets it: it starts, says where everything is, refuses what cannot work, stops."""

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from headwater.site import database, postgres, secret_files
from headwater.site.config import Process
from tests.product import PROCESSES, ROOT, Product, listening, lives

pytestmark = [pytest.mark.journey, pytest.mark.timeout(240)]


def test_every_process_answers_on_its_own_port(product: Product) -> None:
    for process in ("calls", "desk", "portal", "carrier", "public"):
        assert httpx.get(product.url(process, "/healthz"), timeout=10).status_code == 200
    with socket.create_connection(("127.0.0.1", product.ports["HEP"]), timeout=5):
        pass
    assert {name: standing["state"] for name, standing in product.state()["processes"].items()} == dict.fromkeys(
        PROCESSES, "ready"
    )


def test_the_screen_says_where_everything_is(product: Product) -> None:
    shown = product.output()
    assert "Headwater is ready" in shown
    for process in ("calls", "desk", "portal", "carrier", "public"):
        assert product.url(process) in shown
    assert str(product.home) in shown


def test_a_second_up_on_the_same_folder_refuses_and_names_the_first(product: Product) -> None:
    refused = product.headwater("up")
    assert refused.returncode == 1
    assert re.search(rf"already runs on {product.home} \(process {product.state()['pid']}\)", refused.stderr)
    assert "Traceback" not in refused.stderr
    assert httpx.get(product.url("desk", "/healthz"), timeout=10).status_code == 200


def test_each_process_holds_its_own_secrets_and_no_others(product: Product) -> None:
    urls = json.loads((product.home / "secrets" / secret_files.DATABASE_URLS).read_text())
    passwords = {name: url.split(":")[2].split("@")[0] for name, url in urls.items()}
    superuser = (product.home / "secrets" / secret_files.POSTGRES_PASSWORD).read_text()
    for process in PROCESSES:
        environment = Path(f"/proc/{product.pid(process)}/environ").read_text()
        held = {name for name, password in passwords.items() if password in environment}
        assert held == {process}
        assert superuser not in environment


def test_nothing_in_the_data_directory_can_be_read_by_another_user(product: Product) -> None:
    open_to_others = [path for path in product.home.iterdir() if stat.S_IMODE(path.stat().st_mode) & 0o077]
    assert open_to_others == []
    assert stat.S_IMODE(product.home.stat().st_mode) & 0o066 == 0


def test_the_doctor_finds_nothing_wrong_with_a_running_product(product: Product) -> None:
    done = product.headwater("doctor", "--json")
    findings = json.loads(done.stdout)
    assert [finding for finding in findings if finding["level"] == "fail"] == []
    assert done.returncode == 0
    subjects = {finding["subject"] for finding in findings if finding["level"] == "ok"}
    assert {"PostgreSQL", "Tables", "Roles", "Call store", "Worker", "desk", "portal", "carrier", "calls"} <= subjects


def test_a_body_without_end_is_refused_before_it_fills_the_disk(product: Product) -> None:
    def endless() -> Iterator[bytes]:
        for _part in range(200):
            yield b"x" * 1_000_000

    try:
        answer = httpx.post(product.url("portal", "/accounts/login/"), content=endless(), timeout=60)
    except httpx.WriteError:
        return
    assert answer.status_code == 413


@pytest.mark.parametrize("name", ["DESK", "HEP"])
def test_a_taken_port_is_named_with_its_setting(name: str) -> None:
    one = Product()
    try:
        with listening(one.ports[name]):
            done = one.headwater("up")
        assert done.returncode == 1
        assert f"HEADWATER_{name}_PORT" in done.stderr
        assert str(one.ports[name]) in done.stderr
        assert "Traceback" not in done.stderr
    finally:
        one.remove()


def test_a_wrong_setting_is_named_without_a_stack() -> None:
    one = Product({"HEADWATER_DESK_PORT": "eighty"})
    try:
        for words in (("up",), ("doctor",), ("database", "prepare")):
            done = one.headwater(*words)
            assert done.returncode == 1
            assert "HEADWATER_DESK_PORT is 'eighty'" in done.stderr
            assert "Traceback" not in done.stderr
    finally:
        one.remove()


def test_ctrl_c_in_a_terminal_stops_everything_and_leaves_no_process() -> None:
    with Product() as one:
        pids = [one.pid(process) for process in PROCESSES]
        postmaster = int((one.home / "postgres" / "postmaster.pid").read_text().split()[0])
        assert one.stop(signal.SIGINT) == 0
        assert "Stopped." in one.output()
        assert "was killed" not in one.output()
        assert [pid for pid in [*pids, postmaster] if lives(pid)] == []
        assert not (one.home / "run" / "state.json").exists()
        assert "database system is shut down" in (one.home / "postgres" / "log").read_text()


def test_a_signal_in_the_middle_of_a_start_stops_it_cleanly() -> None:
    one = Product()
    try:
        up = one.launch()
        one.wait_for(lambda: "Preparing the database" in one.output(), 60, "the preparation of the database")
        assert one.stop(signal.SIGTERM) == 0
        assert up.returncode == 0
        assert not (one.home / "postgres" / "postmaster.pid").exists()
        one.start()
        one.stop()
    finally:
        one.remove()


def test_a_postgresql_of_the_operators_own_takes_the_place_of_the_embedded_one(tmp_path) -> None:
    from dataclasses import replace

    from headwater.site.config import load

    own = replace(load(), home=tmp_path / "own", database_url="")
    secret_files.private_folder(own.home)
    secret_files.ensure(own)
    postgres.start(own)
    try:
        with psycopg.connect(postgres.superuser_url(own), autocommit=True) as connection:
            connection.execute("CREATE ROLE owner LOGIN CREATEROLE CREATEDB PASSWORD 'secret'")
        server = database.Server(admin_url=postgres.superuser_url(own), name="traceback", embedded=False)
        with Product({"HEADWATER_DATABASE_URL": server.url("owner", "secret")}) as one:
            assert not (one.home / "postgres").exists()
            assert one.feed_token().startswith("hwf_")
            assert one.headwater("doctor").returncode == 0
            one.stop()
        assert postgres.running(own) is not None
        with psycopg.connect(server.url("postgres", own.secret(secret_files.POSTGRES_PASSWORD))) as connection:
            assert connection.execute("SELECT count(*) FROM accounts_machinecredential").fetchone() == (1,)
    finally:
        postgres.stop(own)


def test_help_is_there_before_anything_is_set_up(tmp_path) -> None:
    environment = {"PATH": os.environ["PATH"], "HEADWATER_HOME": str(tmp_path / "none")}
    done = subprocess.run(
        [sys.executable, "-m", "headwater", "--help"],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    for word in ("up", "doctor", "serve", "work", "demo"):
        assert re.search(rf"\b{word}\b", done.stdout)
    assert not (tmp_path / "none").exists()


def test_every_process_has_a_role() -> None:
    assert {process.value for process in Process} == {*PROCESSES, "admin"}


def test_a_call_store_that_another_process_holds_is_said_in_words() -> None:
    with Product() as one:
        one.stop()
        holder = subprocess.Popen(
            [sys.executable, "-c", HOLD_CALLS, str(one.home / "calls")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"open\n"
            done = one.headwater("up")
            assert done.returncode == 1
            assert "calls ended while Headwater was being started" in done.stderr
            assert str(one.home / "calls") in done.stderr
            assert "Traceback (most recent call last)" not in done.stderr
            assert not (one.home / "postgres" / "postmaster.pid").exists()
        finally:
            holder.communicate()
        one.start()


HOLD_CALLS = """
import sys
import tempfile
from headwater.calls.store import CallStore
store = CallStore.open("chdb://" + sys.argv[1])
print("open", flush=True)
sys.stdin.read()
store.close()
"""


def test_a_copy_that_was_made_as_the_runbook_says_starts_in_another_place(tmp_path: Path) -> None:
    with Product() as one:
        token = one.feed_token()
        sent = httpx.post(
            one.feed_url,
            content='{"event_id": "kept", "call_at": "2026-11-24T15:04:05Z", "calling": "+12025550123", '
            '"called": "+13035550123"}',
            headers={"Authorization": f"Bearer {token}"},
            timeout=10,
        )
        assert sent.status_code == 202
        assert int((one.home / "run" / "up.lock").read_text()) == one.state()["pid"]
        one.stop(signal.SIGINT)
        archive = tmp_path / "headwater.tar.gz"
        subprocess.run(["tar", "-C", one.folder, "-czpf", archive, "var"], check=True, timeout=60)
    with tempfile.TemporaryDirectory(prefix="hw-restored-") as folder:
        Path(folder).chmod(0o711)
        subprocess.run(["tar", "-C", folder, "-xzpf", archive], check=True, timeout=60)
        with Product(home=Path(folder) / "var") as other:
            assert other.act("from headwater.calls import queries\nfrom headwater.site.config import load\n"
                             "result = queries.connect(load().calls_url).total()") == 1  # fmt: skip
            assert other.headwater("audit", "verify").returncode == 0
            assert other.headwater("doctor").returncode == 0
