"""The worker asks sources when they are due, through the real feed door."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from django.conf import LazySettings
from typer.testing import CliRunner

from headwater import clock
from headwater.cli.main import build
from headwater.connectors.models import Connector
from headwater.worker import connectors
from tests.api.test_feeds import open_door
from tests.connectors.hostile import Reply, source
from tests.connectors.test_pull import complaint, ftc

pytestmark = pytest.mark.django_db


def configure(home: Path, name: str, url: str) -> None:
    (home / "connectors").mkdir(exist_ok=True)
    (home / "token").write_text("good")
    (home / "connectors" / f"{name}.toml").write_text(
        f'name = "{name}"\nkind = "ftc"\nurl = "{url}"\nmapping = "ftc-dnc-api"\n'
        'token_file = "token"\ninternal = true\n'
    )


def test_each_source_is_asked_when_due_and_one_that_fails_holds_up_no_other(
    tmp_path: Path, settings: LazySettings
) -> None:
    today = f"{clock.now():%Y-%m-%d}"
    good, bad = ftc({today: [complaint(number) for number in range(7)]}), Reply(b"<html>", status=200)
    with open_door(tmp_path / "calls") as door, source(good) as here, source(lambda _: bad) as broken:
        settings.HEADWATER = replace(settings.HEADWATER, home=tmp_path, bind="127.0.0.1", calls_port=door.port)
        configure(tmp_path, "a-broken", broken.url)
        configure(tmp_path, "b-good", here.url)
        (tmp_path / "connectors" / "c-none.toml").write_text("[")
        assert connectors.turn() == 2
        assert door.reads.total() == 7
        assert connectors.turn() == 0, "nothing is due"
        Connector.objects.filter(name="b-good").update(next_at=clock.now())
        assert connectors.turn() == 1
        assert door.reads.total() == 7
        listed = CliRunner().invoke(build(["intake"]), ["intake", "sources"]).output
        assert "a-broken             failing" in listed
        assert "HTML or XML" in listed
        pulled = CliRunner().invoke(build(["intake"]), ["intake", "pull", "b-good"])
        assert "0 stored, 7 there already" in pulled.output
        assert CliRunner().invoke(build(["intake"]), ["intake", "pull", "a-broken"]).exit_code == 1
    metrics = (tmp_path / "run" / connectors.METRICS_FILE).read_text()
    assert 'headwater_connector_records{connector="b-good",outcome="stored"} 7.0' in metrics
    assert 'headwater_connector_failures{connector="a-broken"} 1.0' in metrics


def test_a_stop_ends_the_asking(tmp_path: Path, settings: LazySettings) -> None:
    settings.HEADWATER = replace(settings.HEADWATER, home=tmp_path)
    configure(tmp_path, "one", "http://127.0.0.1:9/")
    stop = asyncio.Event()
    stop.set()
    assert connectors.turn(stop) == 0
