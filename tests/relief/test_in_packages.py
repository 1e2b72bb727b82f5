"""Notices and their proofs of delivery in a package: those of its calls, as sent, and no other agency's order."""

import csv
import io
import json
import zipfile
from hashlib import sha256
from pathlib import Path

import pytest

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.evidence import told_to_stop
from headwater.evidence.models import Package
from headwater.evidence.seal import seal
from headwater.evidence.verify import verify
from headwater.legal.documents import inspect
from headwater.legal.models import ProcessDocument
from headwater.relief import actions, delivery, in_packages
from headwater.relief.states import DeliveryWay, NoticeKind
from tests.evidence.conftest import accept, serve
from tests.evidence.scenery import PDF, Scene

pytestmark = pytest.mark.django_db


def test_a_package_holds_the_notices_of_its_calls_with_what_proves_their_delivery(
    home: Path, scene: Scene, agency: Actor, desk: Actor, reviewer: Actor
):
    sent = actions.send_notice(desk, scene.campaign.id, scene.origin.id, kind=NoticeKind.CEASE_AND_DESIST)
    delivery.enter_delivery(desk, sent.id, way=DeliveryWay.COURIER, at=clock.now(), proof="1Z999AA10123456784")
    package_id = accept(reviewer, serve(scene, agency))
    seal(package_id)
    file = home / "packages" / Package.objects.get(id=package_id).filename
    assert verify(file).ok
    with zipfile.ZipFile(file) as opened:
        (row,) = json.loads(opened.read("relief-notices.json"))["notices"]
        pages, proof = csv.DictReader(io.StringIO(opened.read("relief-deliveries.csv").decode()))
        letter = opened.read(f"notices/{sent.id}.txt")
        custody = opened.read("custody-log.jsonl").decode()
    assert (row["notice_id"], row["provider_spc"], row["kind"]) == (sent.id, "709C", "Cease and desist")
    assert (pages["way"], pages["state"]) == ("Carrier pages", "waits")
    assert (proof["way"], proof["state"]) == ("Courier", "delivered")
    assert "1Z999AA10123456784" in proof["proof"]
    assert sha256(letter).hexdigest() == row["letter_sha256"]
    assert sent.id in custody


def test_an_order_is_told_to_the_agency_alone_that_served_it_and_a_notice_where_its_calls_are(
    scene: Scene, agency: Actor, desk: Actor
):
    served = serve(scene, agency)
    order = inspect("order.pdf", PDF)
    sent = actions.send_notice(
        desk, scene.campaign.id, scene.origin.id, kind=NoticeKind.COURT_ORDER, order="TRO", document=order
    )
    own = ProcessDocument.objects.get(process_id=served).sha256
    assert order.sha256 == own
    first, second = scene.traceback_ids
    (told,) = in_packages.told([first, second], [own])
    assert told.row["notice_id"] == sent.id
    assert told.letter is not None
    assert in_packages.told([first, second], ["0" * 64]) == ()
    # Of two traced calls one lies in the scope: the letter, which names both, stays closed.
    (part,) = in_packages.told([first], [own])
    assert (part.letter, part.row["tracebacks"]) == (None, first)
    assert in_packages.told(["TB-ELSEWHERE0"], [own]) == ()
    assert in_packages.told in told_to_stop._SOURCES
