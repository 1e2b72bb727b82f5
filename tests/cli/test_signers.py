"""The operator's commands for signers, on verdicts that the verifier made."""

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from headwater import clock
from headwater.accounts.actors import system
from headwater.cli.main import build
from headwater.signers import actions
from headwater.signers.models import Certificate, Host
from headwater.worker.verifier import Follower
from tests.signers.scenery import Network, Store
from tests.stir.pki import X5U

pytestmark = pytest.mark.django_db
runner = CliRunner()


def headwater(*words: str) -> Any:
    return runner.invoke(build([words[0]]), list(words), env={"COLUMNS": "240"})


@pytest.fixture
def network(tmp_path: Path) -> Network:
    made = Network()
    made.trust(tmp_path)
    actions.bring_certificates(system("operator"), made.chain_pem, x5u=X5U)
    Follower(lambda: Store(made.call(made.identity())), tmp_path, fetch=False).turn(clock.now())
    return made


def test_one_signer_is_shown_with_its_calls_and_one_that_never_signed_is_named(network: Network):
    told = headwater("signers", "show", "709J")
    assert told.exit_code == 0
    assert "1 calls in 48 hours, 1 A, 0 B, 0 C, 0 not valid" in " ".join(told.stdout.split())
    nobody = headwater("signers", "show", "999Z")
    assert nobody.exit_code == 1
    assert "999Z" in nobody.stderr


def test_archived_certificates_are_listed_and_handed_out_as_they_were_seen(network: Network):
    row = Certificate.objects.get(spc="709J")
    assert row.sha256 in headwater("signers", "certificates", "709j").stdout
    assert headwater("signers", "certificates", "--octets", row.sha256).stdout_bytes == bytes(row.octets)
    assert headwater("signers", "certificates", "--octets", "ab").exit_code == 1


def test_a_host_is_decided_with_a_reason(network: Network):
    assert headwater("signers", "refuse", "odd.example.com", "--reason", "Not a repository.").exit_code == 0
    assert Host.objects.get(host="odd.example.com").state == "refused"
    inside = headwater("signers", "allow", "127.0.0.1", "--reason", "x")
    assert inside.exit_code == 1
    assert "cannot hold certificates" in inside.stderr
