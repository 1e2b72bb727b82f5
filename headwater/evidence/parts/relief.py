"""Part 9: who can stop the calls today, and by what. A proposal to the court, drawn from the answers alone. Pure."""

from collections import defaultdict
from typing import Any

from headwater.evidence.material import Material
from headwater.tracebacks.stopping import Step, Stopper, stoppers

COLUMNS = (
    "order", "provider", "provider_spc", "provider_rmd", "country", "part_in_the_calls", "can_do", "tracebacks",
    "of_tracebacks", "traceback_ids", "trunks", "received_from",
)  # fmt: skip
NUMBER_COLUMNS = ("calling", "reports", "first_call_at", "last_call_at", "caution")
#: Calling numbers that one package lists; the table of calls has all.
MOST_NUMBERS = 1_000
CAUTION = "As signalled; may be spoofed. Blocking it may hit a subscriber who placed none of these calls."


def rows(material: Material) -> list[dict[str, Any]]:
    """Return who can stop the calls, see ``tracebacks.stopping``."""
    trunks = {answer.row["question_id"]: answer.row.get("ingress_trunk", "") for answer in material.answers}
    listed = {row["provider_spc"]: row for row in material.path}
    steps = [
        Step(
            traceback_id=row["traceback_id"],
            hop=int(row["hop"]),
            provider=row["provider"],
            spc=row["provider_spc"],
            answer=row["answer"],
            upstream=row["upstream"],
            trunk=trunks.get(row["question_id"], ""),
        )
        for row in material.path
        if int(row["hop"]) and not row["state"].endswith("asked again or left")
    ]
    total = len(material.tracebacks)
    return [
        {**_told(stopper, listed[stopper.spc]), "order": order, "of_tracebacks": total}
        for order, stopper in enumerate(stoppers(steps), start=1)
    ]


def _told(stopper: Stopper, listed: Any) -> dict[str, Any]:
    return {
        "provider": stopper.provider,
        "provider_spc": stopper.spc,
        "provider_rmd": listed.get("provider_rmd", ""),
        "country": listed.get("country", ""),
        "part_in_the_calls": stopper.part.label,
        "can_do": stopper.can_do,
        "tracebacks": len(stopper.traceback_ids),
        "traceback_ids": " ".join(stopper.traceback_ids),
        "trunks": " ".join(stopper.trunks),
        "received_from": ", ".join(stopper.upstreams),
    }


def numbers(material: Material) -> list[dict[str, Any]]:
    """Return the calling numbers of the calls in scope, the most frequent first."""
    found: dict[str, list[str]] = defaultdict(list)
    for member in material.members:
        if calling := member.get("calling"):
            found[calling].append(member.get("call_at", ""))
    ranked = sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))[:MOST_NUMBERS]
    return [
        {"calling": calling, "reports": len(at), "first_call_at": min(at), "last_call_at": max(at), "caution": CAUTION}
        for calling, at in ranked
    ]
