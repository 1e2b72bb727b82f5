"""Pull from a source: page by page, each acknowledged by the feed door before the cursor moves."""

import hashlib
import io
import random
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog
from django.db import connection, transaction

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.accounts.permissions import Permission
from headwater.audit import actions as audit
from headwater.audit.tags import Tag
from headwater.connectors import config, rules
from headwater.connectors.config import Kind, Settings
from headwater.connectors.fetch import AskedToWait, Fetched, Fetcher, same_origin
from headwater.connectors.models import Connector, Pull
from headwater.connectors.queries import Outcome, PullView, pull_view
from headwater.errors import Conflict, HeadwaterError, Invalid
from headwater.intake.events import deliver, items
from headwater.intake.events.apply import Mapper
from headwater.intake.events.items import Item
from headwater.intake.events.mapping import Mapping, at_path, load_mapping

#: Pulls whose rows are kept of each connector.
PULLS_KEPT: Final = 500
REJECTS_FOLDER: Final = "rejects"
#: Octets of one connector's file of rejects; then the older half goes.
REJECTS_OCTETS: Final = 16 * 1024 * 1024

log = structlog.get_logger(__name__)
DoorOf = Callable[[str], deliver.Door]
"""Makes the feed door for a token."""


class AlreadyPulling(Conflict):
    """Another process is asking this source now."""


@dataclass(slots=True)
class _Run:
    """One pull on its way."""

    settings: Settings
    mapping: Mapping
    key: str
    home: Path
    door: deliver.Door
    fetcher: Fetcher
    started_at: datetime
    tally: deliver.Tally = field(default_factory=deliver.Tally)
    pages: int = 0
    outcome: Outcome = Outcome.DONE
    error: str = ""
    wait: timedelta | None = None


def pull(actor: Actor, home: Path, name: str, *, door_of: DoorOf, fetcher: Fetcher | None = None) -> PullView:
    """Ask one source now, from where its cursor stands, until it has no more or the pull's bound of pages is met.

    Whatever the source does, the pull ends: it is noted with what was stored, and the next one goes on after the last
    page that was acknowledged. A failure is not raised: it is the pull's outcome.

    Raises:
        ConnectorNotFound, BadConnector, MappingNotFound, BadMapping: what the operator wrote does not hold.
        AlreadyPulling: another process is at it.
    """
    actor.require(Permission.CONNECTOR_PULL)
    settings = config.load(home, name)
    shown = config.secrets(home, settings)
    mapping = load_mapping(settings.mapping, home / "mappings")
    with _only_one(name), closing(door_of(shown.token)) as door:
        state, _ = Connector.objects.get_or_create(name=name)
        run = _Run(
            settings=settings,
            mapping=mapping,
            key=shown.key,
            home=home,
            door=door,
            fetcher=fetcher or Fetcher(internal=settings.internal),
            started_at=clock.now(),
        )
        try:
            _pages(run, state)
        except AskedToWait as error:
            run.outcome, run.error, run.wait = Outcome.LATER, str(error), error.wait
        except (HeadwaterError, OSError) as error:
            run.outcome, run.error = Outcome.FAILED, str(error)[:2_000]
        except Exception as error:
            # Whatever a source sends must not end the loop that asks the others.
            log.exception("a pull broke", connector=name)
            run.outcome, run.error = Outcome.FAILED, f"it broke here: {type(error).__name__}; see the log of work"
        return _finish(actor, run, state)


def _pages(run: _Run, state: Connector) -> None:
    while run.pages < run.settings.most_pages:
        now = clock.now()
        cursor: dict[str, Any] = dict(state.cursor.get("at") or {})
        wanted = rules.request(run.settings, cursor, now=now)
        answer = _fetch(run, state, wanted)
        if answer.unchanged:
            run.outcome = Outcome.UNCHANGED if run.pages == 0 else run.outcome
            return
        found, following = _records(run, answer)
        onward, more = rules.after(run.settings, cursor, [item.value for item in found], now=now, following=following)
        _deliver(run, answer, found)
        run.pages += 1
        whole = run.settings.kind is Kind.DOCUMENT and not more
        validators = {"etag": answer.etag, "last_modified": answer.last_modified} if whole else {}
        with transaction.atomic():
            state.cursor = {"at": onward, "validators": validators}
            state.save(update_fields=["cursor"])
        if not more:
            return


def _fetch(run: _Run, state: Connector, wanted: rules.Request) -> Fetched:
    headers, parameters = {}, dict(wanted.parameters)
    if run.key:
        if run.settings.kind is Kind.FTC:
            headers["X-Api-Key"] = run.key
        elif run.settings.kind is Kind.SOCRATA:
            headers["X-App-Token"] = run.key
        else:
            headers["Authorization"] = f"Bearer {run.key}"
    held = state.cursor.get("validators") or {}
    unless = Fetched(octets=b"", **held) if held and not wanted.url else None
    return run.fetcher.get(wanted.url or run.settings.url, parameters=parameters, headers=headers, unless=unless)


def _records(run: _Run, answer: Fetched) -> tuple[list[Item], str]:
    """Return the records of an answer, and the address of the next document where one is named.

    Raises:
        BadFile: it is no such document; a page of HTML is named as what it is.
        Rubbish: the next document would be another host's.
    """
    if answer.octets[:512].lstrip()[:1] == b"<":
        raise items.BadFile(f"the source sent a page of HTML or XML in place of data: {answer.octets[:80]!r}")
    found = list(items.items(io.BytesIO(answer.octets), run.mapping.input))
    following = ""
    if run.settings.kind is Kind.DOCUMENT and run.settings.next_path:
        value = at_path(msgspec.json.decode(answer.octets), run.settings.next_path)
        following = value if isinstance(value, str) else ""
        if following and not same_origin(following, run.settings.url):
            raise rules.Rubbish(f"the next document is said to be at another host: {following[:120]!r}")
    return found, following


def _deliver(run: _Run, answer: Fetched, found: list[Item]) -> None:
    mapper = Mapper(run.mapping, {"observed_at": _observed_at(answer)})
    rejects: list[bytes] = []

    def reject(item: Item, reason: str) -> None:
        row = {"position": item.position, "reason": reason, "record": item.original}
        rejects.append(msgspec.json.encode(row) + b"\n")

    page = deliver.deliver(found, mapper, run.door, on_reject=reject, on_batch=lambda _: None)
    tally = run.tally
    tally.read += page.read
    tally.stored += page.stored
    tally.duplicates += page.duplicates
    tally.refused += page.refused
    _keep(run.home, run.settings.name, rejects)


def _observed_at(answer: Fetched) -> str:
    """Return when the source says that it said so; by our own clock where it does not say."""
    for text in (answer.last_modified, answer.date):
        try:
            return parsedate_to_datetime(text).astimezone(UTC).isoformat()
        except (ValueError, TypeError):
            continue
    return clock.now().replace(microsecond=0).isoformat()


def _keep(home: Path, name: str, rejects: list[bytes]) -> None:
    """Append refused records to the connector's file; it holds a bounded number of octets, the newest."""
    if not rejects:
        return
    folder = home / REJECTS_FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{name}.ndjson"
    path.touch(mode=0o600)
    with path.open("ab") as file:
        file.writelines(rejects)
    if path.stat().st_size > REJECTS_OCTETS:
        kept = path.read_bytes()[-REJECTS_OCTETS // 2 :].partition(b"\n")[2]
        fresh = path.with_suffix(".fresh")
        fresh.touch(mode=0o600)
        fresh.write_bytes(kept)
        fresh.replace(path)


def _finish(actor: Actor, run: _Run, state: Connector) -> PullView:
    now = clock.now()
    failed = run.outcome is Outcome.FAILED
    tally = run.tally
    with transaction.atomic():
        state = Connector.objects.select_for_update(no_key=True).get(name=state.name)
        state.failures = state.failures + 1 if failed else 0
        state.last_error = run.error if run.outcome in {Outcome.FAILED, Outcome.LATER} else ""
        if run.outcome in {Outcome.DONE, Outcome.UNCHANGED}:
            state.last_success_at = now
        state.next_at = rules.next_at(
            now,
            interval=timedelta(seconds=run.settings.interval_s),
            failures=state.failures,
            wait=run.wait,
            chance=random.random(),  # noqa: S311 - spreads load, hides nothing
        )
        state.stored += tally.stored
        state.duplicates += tally.duplicates
        state.refused += tally.refused
        state.save()
        row = Pull.objects.create(
            connector=state,
            started_at=run.started_at,
            ended_at=now,
            outcome=run.outcome.value,
            pages=run.pages,
            read=tally.read,
            stored=tally.stored,
            duplicates=tally.duplicates,
            refused=tally.refused,
            error=run.error,
        )
        kept = Pull.objects.filter(connector=state).order_by("-started_at").values_list("id", flat=True)[:PULLS_KEPT]
        Pull.objects.filter(connector=state).exclude(id__in=list(kept)).delete()
        if tally.read or failed:
            counts = {"read": tally.read, "refused": tally.refused, "stored": tally.stored}
            detail = {"connector": state.name, "outcome": run.outcome.value, **counts}
            audit.record(actor, Tag.CONNECTOR_PULLED, row.id, detail)
    log.info("pulled", connector=state.name, outcome=run.outcome.value, pages=run.pages, stored=tally.stored)
    return pull_view(row)


@contextmanager
def _only_one(name: str) -> Iterator[None]:
    """Hold the source's lock for as long as this session: one flight, whoever asks."""
    key = int.from_bytes(hashlib.sha256(f"connector {name}".encode()).digest()[:8], "big", signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [key])
        if not cursor.fetchone()[0]:
            raise AlreadyPulling(f"The connector {name} is being pulled by another process now.")
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [key])


def due(home: Path, now: datetime) -> list[str]:
    """Return the connectors that are to be asked now, the longest waiting first. A file that does not hold is none.

    Raises nothing: what is wrong with a file is told by ``pull`` and by the desk's page.
    """
    waiting: list[tuple[datetime, str]] = []
    states = {row.name: row.next_at for row in Connector.objects.all()}
    for name in config.names(home):
        try:
            settings = config.load(home, name)
        except (Invalid, HeadwaterError, OSError):
            continue
        at = states.get(name)
        if settings.enabled and (at is None or at <= now):
            waiting.append((at or datetime.min.replace(tzinfo=UTC), name))
    return [name for _, name in sorted(waiting)]
