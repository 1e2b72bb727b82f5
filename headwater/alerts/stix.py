"""An alert as STIX 2.1 objects, the form in which agencies' threat-intelligence platforms exchange what they know.

One version becomes: the campaign (SDO ``campaign``), what was seen of it (``sighting``, with count and times), the
states it rings in (``location``), the provider that tracebacks found as its origin (``identity``, linked by a
``relationship``), and the ``report`` that holds them together. What telephony knows and STIX has no word for is in a
property extension of our own, whose definition goes with it. Identifiers are made of what they name (UUID 5), so that
the next version of an alert is the next version of the same objects.

Called numbers are masked as everywhere. A calling number is said in the samples alone and in no pattern: it may be
spoofed, and nobody must block on it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid5

import stix2

from headwater.alerts.values import Why
from headwater.numbering.places import PLACES

#: Names our identifiers are made under.
NAMESPACE: Final = UUID("6a1d3c62-5f1e-5d38-9b1f-3a1a6d0b7c11")
EXTENSION: Final = f"extension-definition--{uuid5(NAMESPACE, 'extension telephone campaign')}"
CREATOR: Final = f"identity--{uuid5(NAMESPACE, 'headwater')}"
#: Words of a sample that the feed carries.
SAMPLE_CHARACTERS: Final = 1_000
#: When what never changes was first said: constant, so that it is one version for ever.
_SINCE: Final = datetime.fromisoformat("2026-11-01T00:00:00+00:00")
_CONFIDENCE: Final = {"origin_confirmed": 90, "entry_confirmed": 80, "origin_stated": 60, "origin_named": 50}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One version of one alert."""

    alert_id: str
    number: int
    why: Why
    created_at: datetime
    """When the alert first went out."""
    made_at: datetime
    facts: Mapping[str, Any]
    portal: str
    """Address of the portal, for the reference to the alert."""


def objects(told: Told) -> list[dict[str, Any]]:
    """Return the objects of an alert's version, those that others refer to first."""
    facts, campaign = told.facts, _id("campaign", told.facts["campaign"])
    states = [code for code in facts["states_hit"] if code in PLACES]
    places = [_location(code) for code in sorted(states)]
    parts: list[Any] = [*always(), *places, _campaign(told, campaign), _sighting(told, campaign, places)]
    origin = facts["origin"]
    if origin["name"]:
        parts += _origin(told, campaign)
    report = stix2.Report(
        id=_id("report", told.alert_id),
        created_by_ref=CREATOR,
        created=told.created_at,
        modified=told.made_at,
        name=f"Alert {told.alert_id}: {facts['name']}",
        description=told.why.label,
        report_types=["campaign"],
        published=told.created_at,
        object_refs=[
            part["id"] for part in parts if part["type"] not in ("marking-definition", "extension-definition")
        ],
        object_marking_refs=[stix2.TLP_AMBER],
        external_references=[_reference(told)],
    )
    return [_plain(part) for part in (*parts, report)]


def always() -> list[Any]:
    """Return what every alert refers to: who says it, how it may be shared, what the extension means."""
    return [
        stix2.Identity(
            id=CREATOR, created=_SINCE, modified=_SINCE, name="Headwater traceback platform", identity_class="system"
        ),
        stix2.TLP_AMBER,
        stix2.ExtensionDefinition(
            id=EXTENSION,
            created=_SINCE,
            modified=_SINCE,
            created_by_ref=CREATOR,
            name="Telephone campaign",
            description="What is known of an illegal robocall campaign: calls by vantage point, rate, sample calls, "
            "how far it was traced. Times are UTC; called numbers are masked.",
            schema="docs/reference/taxii.md",
            version="1.0.0",
            extension_types=["property-extension"],
        ),
    ]


def _campaign(told: Told, identifier: str) -> Any:
    facts = told.facts
    return stix2.Campaign(
        id=identifier,
        created_by_ref=CREATOR,
        created=told.created_at,
        modified=told.made_at,
        name=facts["name"],
        description=f"Robocall campaign, family {facts['family'] or 'not known'}, {facts['state']}.",
        first_seen=_at(facts["first_call_at"]),
        last_seen=_at(facts["last_call_at"]),
        labels=[label for label in ("robocall", facts["family"], facts["state"]) if label],
        object_marking_refs=[stix2.TLP_AMBER],
        external_references=[_reference(told)],
        extensions={EXTENSION: _extension(told)},
        allow_custom=True,
    )


def _extension(told: Told) -> dict[str, Any]:
    facts = told.facts
    return {
        "extension_type": "property-extension",
        "campaign": facts["campaign"],
        "family": facts["family"],
        "state": facts["state"],
        "calls": facts["calls"],
        "calls_by_vantage_point": dict(facts["vantages"]),
        "calls_by_called_state": {code: calls for code, calls in facts["states_hit"].items() if code},
        "calls_a_minute": facts["rate_per_minute"],
        "calls_a_minute_low": facts["rate_low"],
        "calls_a_minute_high": facts["rate_high"],
        "still_ringing": facts["still_ringing"],
        "confidence_basis": {name: value for name, value in facts["confidence"].items() if value is not None},
        "traced": {name: facts["origin"][name] for name in ("grade", "tracebacks", "running", "confirmed")},
        "samples": [
            {
                "call_at": sample["call_at"],
                "calling_as_signalled": sample["calling"],
                "called_masked": sample["called"],
                "called_state": sample["called_state"],
                "terminating_spc": sample["terminating_spc"],
                "transcript": sample["transcript"][:SAMPLE_CHARACTERS],
                **({"recording_sha256": sample["recording"]["sha256"]} if sample.get("recording") else {}),
            }
            for sample in facts["samples"]
        ],
        "rules": [facts["rule_version"], facts.get("alert_rule", "alerts/1")],
    }


def _sighting(told: Told, campaign: str, places: Sequence[Any]) -> Any:
    facts = told.facts
    return stix2.Sighting(
        id=_id("sighting", told.alert_id),
        created_by_ref=CREATOR,
        created=told.created_at,
        modified=told.made_at,
        sighting_of_ref=campaign,
        first_seen=_at(facts["first_call_at"]),
        last_seen=_at(facts["last_call_at"]),
        # Of the vantage point that saw most: several are never added up.
        count=min(max(facts["vantages"].values(), default=facts["calls"]), 999_999_999),
        where_sighted_refs=[place["id"] for place in places] or [CREATOR],
        object_marking_refs=[stix2.TLP_AMBER],
    )


def _location(code: str) -> Any:
    return stix2.Location(
        id=_id("location", code),
        created_by_ref=CREATOR,
        created=_SINCE,
        modified=_SINCE,
        name=PLACES[code].name,
        country="US",
        administrative_area=f"US-{code}",
    )


def _origin(told: Told, campaign: str) -> list[Any]:
    """Return the provider that tracebacks found, and what that rests on: where calls came from, not who is guilty."""
    origin = told.facts["origin"]
    provider = stix2.Identity(
        id=_id("identity", f"provider {origin['name']}"),
        created_by_ref=CREATOR,
        created=_SINCE,
        modified=_SINCE,
        name=origin["name"],
        identity_class="organization",
        sectors=["telecommunications"],
    )
    link = stix2.Relationship(
        id=_id("relationship", f"{told.facts['campaign']} {origin['name']}"),
        created_by_ref=CREATOR,
        created=told.created_at,
        modified=told.made_at,
        relationship_type="related-to",
        source_ref=campaign,
        target_ref=provider["id"],
        confidence=_CONFIDENCE.get(origin["grade"], 30),
        description=f"Originating provider by traceback: {origin['grade_words'].lower()}, in {origin['confirmed']} of "
        f"{origin['tracebacks']} tracebacks. It may itself have been deceived by its customer.",
        object_marking_refs=[stix2.TLP_AMBER],
    )
    return [provider, link]


def _reference(told: Told) -> dict[str, str]:
    return {"source_name": "Headwater", "external_id": told.alert_id, "url": f"{told.portal}/alerts/{told.alert_id}/"}


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _id(kind: str, name: str) -> str:
    return f"{kind}--{uuid5(NAMESPACE, f'{kind} {name}')}"


def _plain(part: Any) -> dict[str, Any]:

    plain: dict[str, Any] = json.loads(part.serialize())
    return plain


def version_of(part: Mapping[str, Any]) -> str:
    """Return an object's version: when it was last changed, or made where it cannot change (TAXII 2.1 section 3.4)."""
    return str(part.get("modified") or part.get("created") or "")
