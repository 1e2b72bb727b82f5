"""``headwater relief``: the published block feed: follow and verify it anywhere; enter do-not-originate numbers."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import httpx
import typer

from headwater import clock
from headwater.errors import HeadwaterError, Invalid, Unavailable
from headwater.evidence.published import from_pem
from headwater.relief import feed, feed_check
from headwater.relief.states import DO_NOT_ORIGINATE_REASONS, BlockReason
from headwater.site.setup import django

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

#: Octets of one file of the feed that are read: some hundred thousand entries.
LARGEST_FILE = 256 << 20
TIMEOUT_S = 30.0
HEAD = "head.jws"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    relief = typer.Typer(no_args_is_help=True, help="The block feed: verify, publish; do-not-originate numbers.")
    block_feed = typer.Typer(no_args_is_help=True, help="The signed feed of block and do-not-originate entries.")
    block_feed.command("verify")(verify)
    block_feed.command("publish")(publish)
    block_feed.command("key")(key)
    relief.add_typer(block_feed, name="feed")
    relief.command("do-not-originate")(do_not_originate)
    app.add_typer(relief, name="relief")


def verify(
    source: Annotated[str, typer.Argument(help="Address of the feed (…/block-feed/v1), or a folder with its files.")],
    key: Annotated[Path, typer.Option(help="The publisher's public key (PEM), got by another way.")],
    state: Annotated[Path | None, typer.Option(help="Where to keep the version seen: an older one is refused.")] = None,
) -> None:
    """Fetch the feed's newest version and check all of it. Needs no database. Exits 0 if it holds, else 1."""
    try:
        public = from_pem(key.read_bytes())
        seen = int(json.loads(state.read_text())["version"]) if state and state.exists() else 0
    except (OSError, ValueError, KeyError, TypeError, HeadwaterError) as error:
        typer.echo(f"The key or the state cannot be read: {error}", err=True)
        raise typer.Exit(2) from error
    try:
        head = feed_check.read_head(_fetched(source, HEAD), public)
        feed_check.check_fresh(head, now=clock.now(), at_least=seen)
        entries = _checked_files(source, head, public)
    except HeadwaterError as error:
        typer.echo(f"NOT THE FEED: {error}", err=True)
        raise typer.Exit(1) from error
    if state:
        state.write_text(json.dumps({"version": head.version, "head": head.sha256}) + "\n")
    typer.echo(
        f"Version {head.version}, {len(entries)} entries, published {feed.instant(head.published_at)}, "
        f"counts until {feed.instant(head.expires_at)}. Head, hashes and detached signatures hold."
    )


def _checked_files(source: str, head: feed_check.Head, public: bytes) -> tuple[feed.FeedEntry, ...]:
    snapshot = _fetched(source, feed.SNAPSHOT)
    entries = feed_check.entries_of(head, snapshot)
    feed_check.check_detached(snapshot, _fetched(source, f"{feed.SNAPSHOT}.sig"), public)
    table = _fetched(source, feed.TABLE)
    feed_check.check_file(head, feed.TABLE, table)
    feed_check.check_detached(table, _fetched(source, f"{feed.TABLE}.sig"), public)
    if feed.table(entries) != table:
        raise feed_check.NotTheFeed("the CSV does not hold the entries of the JSON lines")
    return entries


def _fetched(source: str, name: str) -> bytes:
    """Return one file of the feed, from a folder or over HTTP."""
    if not source.startswith(("http://", "https://")):
        try:
            return (Path(source) / name).read_bytes()
        except OSError as error:
            raise Unavailable(f"{name} cannot be read from {source}: {error.strerror}") from error
    try:
        with httpx.stream("GET", f"{source.rstrip('/')}/{name}", timeout=TIMEOUT_S) as response:
            response.raise_for_status()
            found = bytearray()
            for piece in response.iter_bytes():
                found += piece
                if len(found) > LARGEST_FILE:
                    raise Invalid(f"{name} has more than {LARGEST_FILE} octets")
            return bytes(found)
    except httpx.HTTPError as error:
        raise Unavailable(f"{name} could not be fetched from {source}: {error}") from error


def publish() -> None:
    """Sign and publish a version now, where an entry changed or the last version grows old. For the operator."""
    signer, appeals = _signer()
    from headwater.accounts.actors import system
    from headwater.relief import blocking

    version = blocking.publish(system("operator"), signer, appeals=appeals, now=clock.now())
    typer.echo("Nothing changed." if version is None else f"Version {version} is published.")


def key() -> None:
    """Print the public key that signs this installation's block feed, for publication."""
    from headwater.evidence import keys

    public = _signer()[0].public_key()
    typer.echo(keys.pem(public).decode(), nl=False)
    typer.echo(f"key id {keys.key_id(public)}", err=True)


def do_not_originate(
    numbers: Annotated[list[str], typer.Argument(help="Telephone numbers, in any usual form.")],
    reason: Annotated[BlockReason, typer.Option(help="One of: " + ", ".join(DO_NOT_ORIGINATE_REASONS) + ".")],
    evidence: Annotated[str, typer.Option(help="What says so: a holder's letter, an order, a registry.")],
    days: Annotated[int, typer.Option(help="For how many days.")] = 365,
) -> None:
    """Enter numbers that no call may show; they are in the feed with its next version."""
    _django()
    from headwater.accounts.actors import system
    from headwater.numbering.numbers import canonical
    from headwater.relief import blocking

    chosen = [canonical(number) for number in numbers]
    if bad := [raw for raw, number in zip(numbers, chosen, strict=True) if not number]:
        raise Invalid(f"{bad[0][:40]!r} is no telephone number.")
    ground = blocking.Ground(reason=reason, evidence=evidence)
    new = blocking.enter_do_not_originate(system("operator"), chosen, ground=ground, days=days)
    typer.echo(f"Entered {new}; {len(set(chosen)) - new} were in force already.")


def _signer() -> "tuple[Ed25519PrivateKey, str]":
    """Return the feed's signing key, and where it says that entries are appealed against."""
    _django()
    from django.conf import settings

    from headwater.relief import blocking

    config = settings.HEADWATER
    return blocking.signing_key(config.secrets), config.appeals


def _django() -> None:
    # Imported here, as all that needs Django: verifying must work where nothing is set up.
    django()
