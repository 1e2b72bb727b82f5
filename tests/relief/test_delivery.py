"""Proof of delivery: the mail server's own answer, the first look, a letter's number typed in, the order served."""

import itertools
from datetime import timedelta
from typing import Any

import pytest

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.accounts.permissions import OrganisationKind, Permission
from headwater.audit.models import AuditEntry
from headwater.audit.tags import Tag
from headwater.errors import Forbidden, Invalid, NotFound
from headwater.legal.documents import inspect
from headwater.outbox import queries as outbox
from headwater.outbox.models import Message
from headwater.providers.models import Provider
from headwater.relief import actions, delivery, queries
from headwater.relief.models import Notice
from headwater.relief.states import DeliveryWay, NoticeKind
from tests.evidence.scenery import PDF, Scene

pytestmark = pytest.mark.django_db
ORDER = inspect("order.pdf", PDF)


@pytest.fixture
def cedar(scene: Scene) -> Actor:
    """Somebody at the origin, whose traceback contact has an address."""
    Provider.objects.filter(id=scene.origin.id).update(contact_email="trace@cedar.example")
    return Actor(
        label="user:cy@cedar.example",
        organisation_id="OR-CEDAR",
        organisation_kind=OrganisationKind.PROVIDER,
        provider_id=scene.origin.id,
        permissions=frozenset({Permission.NOTICE_ANSWER}),
    )


def serve_order(desk: Actor, scene: Scene, **changes: Any) -> queries.NoticeView:
    values: dict[str, Any] = {"kind": NoticeKind.COURT_ORDER, "order": "TRO, D. Ariz., 26-cv-1", "document": ORDER}
    return actions.send_notice(desk, scene.campaign.id, scene.origin.id, **{**values, **changes})


def proofs(desk: Actor, scene: Scene) -> list[delivery.Proof]:
    (notice,) = queries.relief(desk, scene.campaign.id, now=clock.now()).notices
    return list(notice.proofs)


def test_the_letter_goes_out_by_mail_with_the_order_and_its_hash(desk: Actor, scene: Scene, cedar: Actor):
    sent = serve_order(desk, scene)
    assert f"SHA-256 {ORDER.sha256}" in sent.letter
    (mail,) = outbox.about(sent.id)
    assert (mail.address, mail.subject) == (
        "trace@cedar.example",
        f"Service of a court order {sent.id}: {scene.campaign.name}",
    )
    assert [file.sha256 for file in Message.objects.get(id=mail.id).files.all()] == [ORDER.sha256]
    assert AuditEntry.objects.get(tag=Tag.NOTICE_SENT).detail["document"] == ORDER.sha256


def test_the_mail_server_s_answer_is_the_proof(desk: Actor, scene: Scene, cedar: Actor):
    sent = serve_order(desk, scene)
    pages, mail = proofs(desk, scene)
    assert (pages.way, pages.state, mail.state) == ("Carrier pages", "message_waiting", "message_waiting")
    Message.objects.filter(about=sent.id).update(
        state="delivered", settled_at=clock.now(), receipt="250 2.0.0 Ok: queued as 4XyZ"
    )
    actions.open_notice(cedar, sent.id)
    pages, mail = proofs(desk, scene)
    assert (mail.state, mail.receipt) == ("message_delivered", "250 2.0.0 Ok: queued as 4XyZ")
    assert (pages.state, pages.receipt) == ("message_delivered", f"opened by {cedar.label}")


def test_a_registered_letter_s_number_is_typed_in(desk: Actor, scene: Scene):
    sent = serve_order(desk, scene)
    way = DeliveryWay.REGISTERED_LETTER
    delivery.enter_delivery(desk, sent.id, way=way, at=clock.now(), proof=" RE 123 456 789 US ")
    typed = proofs(desk, scene)[-1]
    assert (typed.way, typed.receipt) == ("Registered letter", f"RE 123 456 789 US (entered by {desk.label})")
    assert AuditEntry.objects.get(tag=Tag.NOTICE_DELIVERY_ENTERED).subject == sent.id
    for at, proof in (
        (clock.now(), " "),
        (clock.now() + timedelta(hours=1), "x"),
        (sent.sent_at - timedelta(days=1), "x"),
    ):
        with pytest.raises(Invalid):
            delivery.enter_delivery(desk, sent.id, way=way, at=at, proof=proof)
    with pytest.raises(NotFound):
        delivery.enter_delivery(desk, "RN-NONE", way=way, at=clock.now(), proof="x")


def test_without_an_address_the_notice_stands_in_the_pages_alone(desk: Actor, scene: Scene):
    sent = serve_order(desk, scene, document=None)
    assert outbox.about(sent.id) == ()
    assert [proof.way for proof in proofs(desk, scene)] == ["Carrier pages"]


def test_the_order_is_there_for_the_provider_and_the_desk_alone(
    desk: Actor, scene: Scene, cedar: Actor, agency: Actor, other_provider: Actor
):
    sent = serve_order(desk, scene)
    (file,) = sent.documents
    for actor in (desk, cedar):
        assert delivery.document(actor, sent.id, file.id) == ("order.pdf", PDF)
    for stranger in (agency, other_provider):
        with pytest.raises(NotFound):
            delivery.document(stranger, sent.id, file.id)
        with pytest.raises(Forbidden):
            delivery.enter_delivery(stranger, sent.id, way=DeliveryWay.COURIER, at=clock.now(), proof="x")
    assert AuditEntry.objects.filter(tag=Tag.NOTICE_DOCUMENT_OPENED).count() == 2


@pytest.mark.parametrize(("kind", "document"), list(itertools.product(NoticeKind, [None, ORDER])))
def test_every_kind_of_letter_says_what_is_asked(desk: Actor, scene: Scene, kind: NoticeKind, document: Any):
    sent = serve_order(desk, scene, kind=kind, document=document)
    assert kind.label.upper() in sent.letter
    assert Notice.objects.get().letter_sha256 == sent.letter_sha256
