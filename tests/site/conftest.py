from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from headwater.site import postgres, secret_files
from headwater.site.config import Config, load
from tests.product import free_ports


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """The settings of a fresh data directory on free ports."""
    calls, desk, portal, carrier, public, hep = free_ports(6)
    return replace(
        load(),
        home=tmp_path / "var",
        database_url="",
        calls_url="",
        calls_port=calls,
        desk_port=desk,
        portal_port=portal,
        carrier_port=carrier,
        public_port=public,
        hep_port=hep,
    )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Config]:
    """A locked-down embedded PostgreSQL that runs; one a module, since a start takes a second."""
    config = replace(load(), home=tmp_path_factory.mktemp("pg") / "var", database_url="", calls_url="")
    secret_files.private_folder(config.home)
    secret_files.ensure(config)
    postgres.start(config)
    yield config
    postgres.stop(config)
