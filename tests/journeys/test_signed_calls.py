"""A switch sends signed calls by HEP; the running product says who signed them, also over a kill of its worker."""

import socket
import time
from pathlib import Path

import pytest

from headwater import clock
from headwater.calls.records import CallRecord
from headwater.simulator.frames import Seen, Sender, encode
from tests.product import Product
from tests.signers.scenery import Network
from tests.stir.pki import X5U

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

KEY = """
from headwater.accounts import actions, credentials
from headwater.accounts.actors import system
from headwater.accounts.permissions import OrganisationKind

operator = system("operator")
carrier = actions.create_organisation(operator, kind=OrganisationKind.PROVIDER, name="A carrier that mirrors its SIP")
_view, result = credentials.issue(
    operator, organisation_id=carrier.id, scopes=["hep"], name="switch", source_kind="carrier"
)
"""
LOOK = """
from headwater.signers.models import Signature

found = Signature.objects.filter(digest__in=arguments["digests"], current=True)
result = {one.digest: [one.result, one.reason, one.spc, one.attest, one.version] for one in found}
"""


def frames(key: str, *records: CallRecord) -> bytes:
    """Return the records' messages as a capture agent sends them, in one stream."""
    seen = [Seen(at=clock.now(), source="192.0.2.1", destination="192.0.2.2", octets=each.raw) for each in records]
    return b"".join(encode(one, sender=Sender.KAMAILIO, capture_id=2001, auth_key=key) for one in seen)


def judged(product: Product, key: str, *records: CallRecord) -> list[list[object]]:
    """Send calls by HEP and wait until each has its verdict.

    A key that was made a moment ago is not known to the door yet: the agent sends again, which doubles nothing.
    """
    digests = [record.identity_digest for record in records]
    octets, found = frames(key, *records), dict[str, list[object]]()

    def all_there() -> bool:
        with socket.create_connection(("127.0.0.1", product.ports["HEP"]), timeout=10) as tcp:
            tcp.sendall(octets)
        time.sleep(1)
        found.update(product.act(LOOK, digests=digests))
        return len(found) == len(digests)

    product.wait_for(all_there, 120, "the verdicts")
    return [found[digest] for digest in digests]


def test_a_signed_call_is_judged_after_it_came_by_hep_and_none_is_missed_over_a_kill(product: Product, tmp_path: Path):
    network = Network()
    key = product.act(KEY)
    network.trust(product.home)
    (tmp_path / "chain.pem").write_bytes(network.chain_pem)
    brought = product.headwater("signers", "bring", str(tmp_path / "chain.pem"), "--x5u", X5U)
    assert brought.returncode == 0, brought.stderr

    first = network.call(network.identity(), ago=0)
    forged = network.call(network.identity(holder=network.leaf("505K")), ago=0)
    strange = network.call(network.identity(x5u="https://certificates.another.example/x.pem"), ago=0)
    assert judged(product, key, first, forged, strange) == [
        ["valid", "", "709J", "A", 1],
        ["invalid", "signature-invalid", "709J", "A", 1],
        ["invalid", "x5u-refused", "", "A", 1],
    ]
    told = product.headwater("signers", "hosts", "--waiting")
    assert "certificates.another.example" in told.stdout

    product.kill("work")
    second = network.call(network.identity(), ago=0)
    assert judged(product, key, second) == [["valid", "", "709J", "A", 1]]
