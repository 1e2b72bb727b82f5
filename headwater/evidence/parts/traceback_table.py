"""Part 3: the traceback table, one row a hop with all that a filing states of it. Called numbers are masked. Pure."""

from typing import Any

from headwater.evidence.material import Material

COLUMNS = (
    "traceback_id", "record_id", "campaign", "call_at_utc", "call_at_local", "local_zone", "calling", "called_masked",
    "hop", "provider", "provider_spc", "provider_rmd", "country", "role", "asked_at", "answered_at", "took_seconds",
    "legal_due_at", "answer", "attestation_received", "upstream", "upstream_spc", "signed", "grade",
    "outcome",
)  # fmt: skip


def rows(material: Material) -> list[dict[str, Any]]:
    """Return the rows, in the order of the provider path."""
    traces = {trace["traceback_id"]: trace for trace in material.tracebacks}
    attested = {answer.row["answer_id"]: answer.row.get("attestation_received", "") for answer in material.answers}
    found = []
    for step in material.path:
        trace = traces.get(step["traceback_id"], {})
        found.append(
            {
                **{name: step.get(name, "") for name in COLUMNS},
                "record_id": trace.get("record_id", ""),
                "campaign": trace.get("campaign_name", ""),
                "call_at_utc": trace.get("call_at", ""),
                "call_at_local": trace.get("call_at_local", ""),
                "local_zone": trace.get("local_zone", ""),
                "calling": trace.get("calling", ""),
                "called_masked": trace.get("called_masked", ""),
                "attestation_received": attested.get(step["answer_id"], ""),
                "grade": trace.get("grade_words", ""),
                "outcome": trace.get("outcome", ""),
            }
        )
    return found
