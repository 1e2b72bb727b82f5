"""Split the labelled public robocalls into what the program may know and what it is tried on.

``python bench/split_calls.py CALLS.jsonl`` writes both halves again, octet for octet the same. The split is
by ``script_group``: calls that read the same script stand on the same side, or scripts would leak.
"""

import json
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).resolve().parent.parent / "headwater"
REFERENCE = PACKAGE / "campaigns" / "data" / "reference.jsonl"
HELD_OUT = PACKAGE / "simulator" / "data" / "calls.jsonl"
#: Fixed for ever: another salt would move scripts across and make old figures incomparable.
SALT = "headwater reference 1"

REFERENCE_FIELDS = ("transcript", "campaign", "family", "language")
HELD_OUT_FIELDS = (
    "call_id",
    "language",
    "transcript",
    "label",
    "label_kind",
    "campaign",
    "family",
    "caller_id",
    "call_date",
    "script_group",
)


def in_reference(script_group: str) -> bool:
    """Tell on which side a script stands: half of the hash space each."""
    return sha256(f"{SALT}/{script_group}".encode()).digest()[0] < 128


def reference_row(call: dict[str, Any]) -> dict[str, Any] | None:
    """Return what the program may know of one call, or nothing where it has no label or no words."""
    if not call["transcript"].strip() or call["label_kind"] == "none":
        return None
    row = {field: call[field] for field in REFERENCE_FIELDS}
    if call["label_kind"] != "itg-campaign":
        # The FTC's wider category is no campaign name; its family is still of use.
        row["campaign"] = ""
    return row


def main(source: Path) -> None:
    calls = [json.loads(line) for line in source.read_text("utf-8").splitlines()]
    known = [row for call in calls if in_reference(call["script_group"]) and (row := reference_row(call))]
    tried = [
        {field: call[field] for field in HELD_OUT_FIELDS} for call in calls if not in_reference(call["script_group"])
    ]
    for path, rows in ((REFERENCE, known), (HELD_OUT, tried)):
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
        print(f"{path.relative_to(PACKAGE)}: {len(rows)} of {len(calls)} calls")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
