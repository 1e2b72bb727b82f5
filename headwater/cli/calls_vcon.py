"""``headwater calls export-vcon``: one call record as a vCon, for whoever reads conversations so."""

from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from headwater.errors import Invalid
from headwater.site.setup import django


def add_to(group: typer.Typer) -> None:
    """Add the command to ``headwater calls``."""
    group.command("export-vcon")(export_vcon)


def export_vcon(
    record: Annotated[UUID, typer.Argument(help="Identifier of the record.")],
    purpose: Annotated[str, typer.Option(help="Why it is exported, for the audit.")],
    to: Annotated[Path | None, typer.Option("--to", help="File to write; empty: the terminal.")] = None,
    open_called: Annotated[
        bool, typer.Option("--open-called", help="Name the called number instead of masking it.")
    ] = False,
) -> None:
    """Write one call record as a vCon (draft -04), with transcript and the recording that is kept here.

    The audit notes the export and its purpose before anything is written.
    """
    django()
    from django.conf import settings
    from django.db import transaction

    from headwater.accounts.actors import system
    from headwater.audit import actions as audit
    from headwater.audit.tags import Tag
    from headwater.calls import queries
    from headwater.intake.events.conversations import vcon_of
    from headwater.intake.recordings import Recordings

    if len(purpose.strip()) < 8:
        raise Invalid("Say in --purpose why the call is exported; the audit keeps it.")
    config = settings.HEADWATER
    found = queries.connect(config.calls_url).record(record)
    recordings, name = Recordings(config.home), found.headers.get("audio_sha256", "")
    octets = vcon_of(found, recordings.get(name) if name in recordings else None, open_called=open_called)
    tag = Tag.CALL_RAW_OPENED if open_called else Tag.CALL_VIEWED
    with transaction.atomic():
        audit.record(system("operator"), tag, str(record), {"as": "vcon", "purpose": purpose.strip()[:500]})
    if to is None:
        print(octets.decode())
    else:
        to.touch(mode=0o600)
        to.write_bytes(octets)
        print(f"{to}: {len(octets):,} octets")
