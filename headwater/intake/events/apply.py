"""One record of a source, by its mapping, to one neutral event. Pure."""

from collections import Counter
from collections.abc import Mapping as Members
from datetime import UTC, datetime, time
from hashlib import sha256
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from headwater.errors import Invalid
from headwater.intake.events.mapping import NUMBERS, TARGETS, TIMES, Field, Mapping, at_path
from headwater.numbering.numbers import UNKNOWN, canonical
from headwater.wire.neutral import CloudEvent

#: Characters of a source's own record that an event carries.
LONGEST_ORIGINAL: Final = 65_536
_ISO, _EPOCH, _EPOCH_MS = "iso", "epoch", "epoch-ms"


#: In a mapping's ``id``: the how-manieth record of that identifier this is. Complaints that say the same are several.
OCCURRENCE: Final = "@occurrence"


class NotMapped(Invalid):
    """A record does not become an event; the message says why."""


class Mapper:
    """Reads the records of one file or answer by their mapping, and counts those that say the same."""

    def __init__(self, mapping: Mapping, given: Members[str, str] | None = None) -> None:
        self.mapping = mapping
        self._given = given or {}
        self._seen: Counter[str] = Counter()

    def event(self, item: Any, original: str) -> CloudEvent:
        """Return the neutral event of one record.

        Raises:
            NotMapped: a value cannot be read, or a required one is missing.
        """
        event = event_of(self.mapping, item, original=original, given=self._given)
        if OCCURRENCE not in self.mapping.id_paths:
            return event
        self._seen[event.id] += 1
        number = self._seen[event.id]
        return event if number == 1 else msgspec.structs.replace(event, id=f"{event.id}-{number}")


def event_of(mapping: Mapping, item: Any, *, original: str, given: Members[str, str] | None = None) -> CloudEvent:
    """Return the neutral event of one record.

    Args:
        mapping: How to read it.
        item: The record: a JSON value, or a row by its column names.
        original: The record as it stood; carried along, so that what was read can be checked.
        given: What came beside the file, for paths such as ``@number``.

    Raises:
        NotMapped: a value cannot be read, or a required one is missing.
    """
    given = given or {}
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": _identifier(mapping, item, original, given),
        "source": mapping.source,
        "type": mapping.event_type.value,
        "data": {"provenance": {name: value for name, value in mapping.provenance.items() if value not in {"", None}}},
    }
    event["data"]["provenance"]["original"] = original[:LONGEST_ORIGINAL]
    for name, field in mapping.fields.items():
        value = _value(mapping, field, item, given)
        if value is None:
            continue
        if name in TIMES:
            _put_time(event, name, field, str(value), _text_at(mapping, item, field.time_path))
        else:
            _put(event, TARGETS[name], _typed(name, field, value))
    labels = _labels(mapping, item)
    if labels:
        event["data"]["labels"] = labels
    for name in mapping.required:
        held = _at(event, TARGETS[name])
        if held is None:
            raise NotMapped(f"{name} is missing")
        if name in NUMBERS and canonical(str(held)) == UNKNOWN:
            raise NotMapped(f"{name} is no telephone number")
    try:
        return msgspec.convert(event, CloudEvent, strict=False)
    except msgspec.ValidationError as error:
        raise NotMapped(str(error).replace("`$.data.", "`").replace("`", "")) from error


def _identifier(mapping: Mapping, item: Any, original: str, given: Members[str, str]) -> str:
    parts = [
        given.get(path[1:], "") if path.startswith("@") else _text(at_path(item, path))
        for path in mapping.id_paths
        if path != OCCURRENCE
    ]
    if len(parts) == 1 and 0 < len(parts[0]) <= 256:
        return parts[0]
    whole = "\x1f".join(parts) if any(parts) else original
    return sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()


def _value(mapping: Mapping, field: Field, item: Any, given: Members[str, str]) -> Any:
    """Return what the field's first path that holds something holds, translated; ``None`` for nothing."""
    for path in [field.path] if isinstance(field.path, str) else field.path:
        found = given.get(path[1:]) if path.startswith("@") else at_path(item, path) if path else None
        if isinstance(found, str):
            for character in field.remove:
                found = found.replace(character, "")
        if found is None or (isinstance(found, str) and found.strip().lower() in mapping.blanks):
            continue
        if field.values:
            return field.values.get(_text(found).strip().lower(), field.otherwise)
        return found
    return field.default


def _typed(name: str, field: Field, value: Any) -> Any:
    if name == "identity":
        return value if isinstance(value, list) else [_text(value)]
    if isinstance(value, str):
        return value.strip()
    if name in NUMBERS or isinstance(value, dict | list):
        return _text(value)
    return (
        value if field.values or isinstance(value, bool) or name.endswith(("_s", "_count", "_status")) else _text(value)
    )


def _labels(mapping: Mapping, item: Any) -> list[dict[str, Any]]:
    labels: list[dict[str, Any]] = []
    for spec in mapping.labels:
        value = _text_at(mapping, item, spec.value)
        score = at_path(item, spec.score) if spec.score else None
        if not value and score is None:
            continue
        label: dict[str, Any] = {"scheme": spec.scheme, "value": value[:256]}
        if score is not None:
            label |= {"score": score, "scale_min": spec.scale_min, "scale_max": spec.scale_max}
        labels.append(label)
    return labels


def _put_time(event: dict[str, Any], name: str, field: Field, text: str, time_of_day: str) -> None:
    moment = _moment(name, field.formats, text.strip())
    day_only = False
    if field.time_path:
        day_only = not time_of_day
        if time_of_day:
            moment = datetime.combine(moment.date(), _clock_time(field, time_of_day), moment.tzinfo)
    elif field.midnight == "day" and moment.time() == time(0):
        day_only = True
    if moment.tzinfo is None and field.zone:
        moment = moment.replace(tzinfo=ZoneInfo(field.zone))
    data = event["data"]
    if name == "observed_at":
        if moment.tzinfo is None:
            raise NotMapped("observed_at has no zone: name it in the mapping")
        data[name] = moment.isoformat()
        return
    data["call_at"] = moment.date().isoformat() if day_only else moment.isoformat()
    if not day_only and field.precision:
        data["precision"] = field.precision
    data["tz_known"] = moment.tzinfo is not None and not day_only


def _moment(name: str, formats: list[str], text: str) -> datetime:
    for form in formats:
        try:
            if form == _ISO:
                return datetime.fromisoformat(text)
            if form in {_EPOCH, _EPOCH_MS}:
                return datetime.fromtimestamp(float(text) / (1_000 if form == _EPOCH_MS else 1), UTC)
            return datetime.strptime(text, form)  # noqa: DTZ007 - the source tells no zone; the mapping may
        except (ValueError, OverflowError, OSError):
            continue
    raise NotMapped(f"{name} {text[:40]!r} is not written as {' or '.join(formats)}")


def _clock_time(field: Field, text: str) -> time:
    for form in field.time_formats or ["%H:%M:%S"]:
        try:
            return datetime.strptime(text.strip(), form).time()  # noqa: DTZ007 - a time of day alone
        except ValueError:
            continue
    raise NotMapped(f"the time of day {text[:20]!r} is not written as {' or '.join(field.time_formats)}")


def _text_at(mapping: Mapping, item: Any, path: str) -> str:
    text = _text(at_path(item, path)).strip() if path else ""
    return "" if text.lower() in mapping.blanks else text


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else msgspec.json.encode(value).decode()


def _put(event: dict[str, Any], place: tuple[str, ...], value: Any) -> None:
    for step in place[:-1]:
        event = event.setdefault(step, {})
    event[place[-1]] = value


def _at(event: dict[str, Any], place: tuple[str, ...]) -> Any:
    value: Any = event
    for step in place:
        value = value.get(step) if isinstance(value, dict) else None
    return value
