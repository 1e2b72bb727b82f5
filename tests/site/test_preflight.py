import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from headwater.errors import Conflict, Unavailable
from headwater.site import preflight
from headwater.site.config import Config
from tests.product import listening


def test_the_folders_of_a_fresh_data_directory_are_the_operators_alone(config: Config) -> None:
    preflight.folder(config)
    for path in (config.home, config.run, config.logs, config.packages):
        assert path.stat().st_mode & 0o777 == 0o700


def test_a_data_directory_that_is_a_file_is_said(config: Config) -> None:
    config.home.parent.mkdir(parents=True, exist_ok=True)
    config.home.write_text("")
    with pytest.raises(Unavailable, match="HEADWATER_HOME"):
        preflight.folder(config)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_data_directory_that_cannot_be_written_is_said(config: Config, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(Unavailable, match="cannot be written"):
        preflight.folder(config)


def test_a_disk_that_is_nearly_full_is_said(config: Config) -> None:
    with pytest.raises(Unavailable, match=r"Only \d+ MB are free"):
        preflight.folder(config, needed=10**18)


def test_free_ports_pass(config: Config) -> None:
    preflight.ports(config)


@pytest.mark.parametrize("name", ["desk", "portal", "carrier", "public", "calls", "hep"])
def test_a_taken_port_is_named_with_the_setting_that_moves_it(config: Config, name: str) -> None:
    port = getattr(config, f"{name}_port")
    with listening(port), pytest.raises(Conflict, match=rf"Port {port} .*HEADWATER_{name.upper()}_PORT"):
        preflight.ports(config)


def test_a_hep_port_that_is_taken_for_udp_alone_is_found(config: Config) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", config.hep_port))
        with pytest.raises(Conflict, match="HEADWATER_HEP_PORT"):
            preflight.ports(config)


def test_one_port_for_two_processes_is_refused(config: Config) -> None:
    with pytest.raises(Conflict, match="set twice"):
        preflight.ports(replace(config, portal_port=config.desk_port))


def test_an_address_that_is_not_this_machines_is_said(config: Config) -> None:
    with pytest.raises(Conflict, match="cannot be opened"):
        preflight.ports(replace(config, bind="192.0.2.1"))
