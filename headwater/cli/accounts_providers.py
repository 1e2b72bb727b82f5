"""The commands of ``headwater accounts`` for identity providers."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from headwater.accounts.actors import system
from headwater.accounts.rules import Protocol, SecondFactorRule
from headwater.site.setup import django

Name = Annotated[str, typer.Option(help="As it stands on the sign-in page.")]
Organisation = Annotated[str, typer.Argument(help="Identifier of the organisation.")]
Domain = Annotated[list[str] | None, typer.Option(help="Mail domain whose people are led there; several times.")]
Strong = Annotated[list[str] | None, typer.Option(help="Value by which it says that a second factor was shown.")]
Factor = Annotated[SecondFactorRule, typer.Option(help="Whose second factor counts.")]


def add_oidc_provider(
    organisation: Organisation,
    *,
    name: Name,
    issuer: Annotated[str, typer.Option(help="Its issuer, such as https://login.example.gov.")],
    client_id: Annotated[str, typer.Option(help="Under which it knows us.")],
    secret_file: Annotated[Path | None, typer.Option(help="Holds the client secret; without one, our own key.")] = None,
    domain: Domain = None,
    second_factor: Factor = SecondFactorRule.HEADWATER,
    strong_context: Strong = None,
) -> None:
    """Register an organisation's OpenID Connect provider and print the redirect URI for its side."""
    django()
    from headwater.accounts import identity_providers

    view = identity_providers.register(
        system("operator"),
        organisation_id=organisation,
        protocol=Protocol.OIDC,
        name=name,
        issuer=issuer,
        client_id=client_id,
        client_secret=secret_file.read_text().strip() if secret_file else "",
        domains=domain or (),
        second_factor=second_factor,
        strong_contexts=strong_context or (),
    )
    print(f"{view.id}: its administrators enter the redirect URI {view.redirect_uri}")
    if view.client_jwk:
        print(f"and our public key: {view.client_jwk}")


def add_saml_provider(
    organisation: Organisation,
    metadata: Annotated[Path, typer.Argument(help="The provider's metadata document.")],
    *,
    name: Name,
    domain: Domain = None,
    second_factor: Factor = SecondFactorRule.HEADWATER,
    strong_context: Strong = None,
) -> None:
    """Register an organisation's SAML provider and print the address of our metadata for its side."""
    django()
    from headwater.accounts import identity_providers, saml

    described = saml.read_metadata(metadata.read_text())
    view = identity_providers.register(
        system("operator"),
        organisation_id=organisation,
        protocol=Protocol.SAML,
        name=name,
        issuer=described.issuer,
        sign_in_url=described.sign_in_url,
        certificates="".join(described.certificates),
        domains=domain or (),
        second_factor=second_factor,
        strong_contexts=strong_context or (),
    )
    print(f"{view.id}: its administrators load our metadata from {view.entity_id}")


def switch_provider(
    provider: Annotated[str, typer.Argument(help="Identifier, such as IDP-7K3QM9ZD4F.")],
    *,
    off: Annotated[bool, typer.Option("--off", help="Switch it off instead of on.")] = False,
) -> None:
    """Let people sign in by an identity provider, or no longer."""
    django()
    from headwater.accounts import identity_providers

    identity_providers.switch(system("operator"), provider_id=provider, enabled=not off)


COMMANDS: tuple[Callable[..., None], ...] = (add_oidc_provider, add_saml_provider, switch_provider)
