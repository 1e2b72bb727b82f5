"""Whom a traceback may ask beside the walk: the verified signer of this very call."""

from pathlib import Path

import pytest

from headwater import clock
from headwater.accounts.actors import system
from headwater.signers import actions, queries
from headwater.tracebacks.neighbours import signer_of
from headwater.worker.verifier import Follower
from tests.signers.scenery import Network, Store
from tests.stir.pki import X5U
from tests.tracebacks.support import register

pytestmark = pytest.mark.django_db


def test_a_token_copied_onto_another_call_names_no_signer_of_that_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    network = Network()
    network.trust(tmp_path)
    actions.bring_certificates(system("operator"), network.chain_pem, x5u=X5U)
    seven = register("709J")
    header = network.identity()
    first, copy = network.call(header, ago=3), network.call(header, called="12155550199", ago=2)
    store = Store(first, copy)
    monkeypatch.setattr(queries, "connect", lambda _url: store)
    Follower(lambda: store, tmp_path, fetch=False).turn(clock.now())

    found = signer_of(first)
    assert found is not None
    assert (found.respondent.provider_id, found.attest) == (seven.id, "A")
    assert signer_of(copy) is None
    assert signer_of(network.call()) is None
