from pathlib import Path

import pytest
from msgspec.structs import replace

from headwater import clock
from headwater.accounts.actors import system
from headwater.calls.records import RecordKind, SourceKind
from headwater.campaigns import actions, graph, memory
from headwater.campaigns.models import CampaignNode
from headwater.signers import actions as signers
from headwater.worker.verifier import Follower
from tests.campaigns.material import scripts_of
from tests.signers.scenery import Network, Store
from tests.stir.pki import X5U

pytestmark = pytest.mark.django_db

TEXT = scripts_of("Legal-Enforcement-Notice")[0]


def reported(call, text: str = TEXT):
    return replace(call, record_kind=RecordKind.REPORT, source_kind=SourceKind.APP, transcript=text)


def test_who_signed_is_a_node_once_verified_and_a_false_signature_is_none(tmp_path: Path):
    network = Network()
    network.trust(tmp_path)
    signers.bring_certificates(system("operator"), network.chain_pem, x5u=X5U)
    good = [reported(network.call(network.identity())) for _ in range(2)]
    token, _, rest = network.identity().partition(";")
    forged = reported(network.call(f"{token[:-8]}AAAAAAAA;{rest}"))
    now = clock.now()
    actions.observe(memory.load(), [*good, forged], now=now)
    assert graph.note_signers(now=now) == 0, "nothing was judged yet"

    Follower(lambda: Store(*good, forged), tmp_path, fetch=False).turn(now)
    assert graph.note_signers(now=now) == 1
    assert graph.note_signers(now=now) == 1

    node = CampaignNode.objects.get(kind="signer")
    assert node.calls == 2, "the forged one counts for nobody, and doing it again changes nothing"
    assert node.value
