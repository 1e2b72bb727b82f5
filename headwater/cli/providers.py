"""``headwater providers``: the register of voice service providers and their keys, for the operator."""

import json
from pathlib import Path
from typing import Annotated

import typer

from headwater.accounts.actors import system
from headwater.errors import Invalid
from headwater.site.setup import django


def register(app: typer.Typer) -> None:
    """Add the commands."""
    commands = typer.Typer(help="Voice service providers and their signing keys.", no_args_is_help=True)
    commands.command("register")(register_provider)
    commands.command("register-key")(register_key)
    commands.command("revoke-key")(revoke_key)
    commands.command("contacts")(contacts)
    commands.command("add-contact")(add_contact)
    commands.command("remove-contact")(remove_contact)
    commands.command("list")(list_providers)
    app.add_typer(commands, name="providers")


def register_provider(  # noqa: PLR0917 - typer passes options by name
    name: Annotated[str, typer.Argument(help="Its name.")],
    spc: Annotated[str, typer.Option(help="Service Provider Code, usually the OCN.")],
    country: Annotated[str, typer.Option(help="Two letters.")] = "US",
    agent: Annotated[bool, typer.Option("--agent", help="Its agent answers; without, a person in the pages.")] = False,
    organisation: Annotated[str, typer.Option(help="Identifier of its organisation, for people's accounts.")] = "",
    office_zone: Annotated[str, typer.Option(help="Zone of the responding office, IANA name.")] = "America/New_York",
    frn: Annotated[str, typer.Option(help="FCC Registration Number.")] = "",
    rmd_number: Annotated[str, typer.Option(help="Robocall Mitigation Database number.")] = "",
    contact_email: Annotated[str, typer.Option(help="Traceback contact.")] = "",
) -> None:
    """Register a provider and print its identifier."""
    django()
    from headwater.providers import actions
    from headwater.providers.models import AnswerChannel

    new = actions.NewProvider(
        name=name,
        spc=spc,
        country=country,
        channel=AnswerChannel.AGENT if agent else AnswerChannel.PAGES,
        organisation_id=organisation,
        office_time_zone=office_zone,
        frn=frn,
        rmd_number=rmd_number,
        contact_email=contact_email,
    )
    print(actions.register(system("operator"), new).id)


def register_key(
    spc: Annotated[str, typer.Argument(help="The provider's code.")],
    jwk: Annotated[Path, typer.Argument(help="File with the public JWK, as `headwater agent key` prints it.")],
) -> None:
    """Register the public key of a provider's agent and print its identifier."""
    django()
    from headwater.providers import actions, queries

    provider = queries.by_spc(spc)
    if provider is None:
        raise queries.ProviderNotFound(f"No provider {spc} is registered: `headwater providers register` does it.")
    try:
        with jwk.open("rb") as file:
            members = json.loads(file.read(65_536))
    except (OSError, ValueError) as error:
        raise Invalid(f"{jwk} holds no JWK: {error}") from error
    if not isinstance(members, dict):
        raise Invalid(f"{jwk} holds no JWK: a JSON object is expected")
    print(actions.register_key(system("operator"), provider.id, members))


def revoke_key(key: Annotated[str, typer.Argument(help="Identifier of the key (RFC 7638 thumbprint).")]) -> None:
    """End a key: from now on nothing that it signs counts."""
    django()
    from headwater.providers import actions

    actions.revoke_key(system("operator"), key)


def _registered(spc: str) -> str:
    from headwater.providers import queries

    provider = queries.by_spc(spc)
    if provider is None:
        raise queries.ProviderNotFound(f"No provider {spc} is registered: `headwater providers register` does it.")
    return provider.id


def contacts(spc: Annotated[str, typer.Argument(help="The provider's code.")]) -> None:
    """List whom a provider's questions and reminders are mailed to."""
    django()
    from headwater.providers import contacts as book

    for one in book.of_provider(_registered(spc)):
        print(f"{one.id or 'register':<14} {one.tier.value:<10} {one.email:<40} {one.name}")


def add_contact(
    spc: Annotated[str, typer.Argument(help="The provider's code.")],
    email: Annotated[str, typer.Argument(help="Mail address.")],
    name: Annotated[str, typer.Option(help="Who reads it, by name or role.")],
    escalation: Annotated[bool, typer.Option("--escalation", help="Only when the legal due time has passed.")] = False,
) -> None:
    """Name somebody who is asked and reminded by mail, or escalated to."""
    django()
    from headwater.providers import contacts as book
    from headwater.providers.models import ContactTier

    tier = ContactTier.ESCALATION if escalation else ContactTier.FIRST
    print(book.add(system("operator"), name=name, email=email, tier=tier, provider_id=_registered(spc)).id)


def remove_contact(contact: Annotated[str, typer.Argument(help="Identifier of the contact, CT-...")]) -> None:
    """Write to a contact no more."""
    django()
    from headwater.providers import contacts as book

    book.remove(system("operator"), contact)


def list_providers() -> None:
    """List the register."""
    django()
    from headwater.providers import queries

    for one in queries.search(system("operator")):
        seen = f"{one.agent_seen_at:%Y-%m-%d %H:%M:%SZ}" if one.agent_seen_at else "never"
        print(f"{one.spc:<8} {one.id} {one.country} {one.channel.value:<6} agent seen {seen:<20} {one.name}")
