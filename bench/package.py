"""A package of 1,000 calls and 50 traced ones, written, sealed and verified, beside the hashes of its octets alone.

The material is made up (SYNTHETIC): what is measured is writing and checking, not gathering it from the stores. Bound:
one SHA-256 over each file, which a manifest cannot do without. The verifier is the one that travels in the package.
"""

import io
import tempfile
import time
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from bench.report import Claim, Figure
from headwater.evidence import build, container
from headwater.evidence.verify import verify
from tests.evidence import specimen

CALLS, TRACES, HOPS = 1_000, 50, 3


def run() -> Claim:
    """Measure once."""
    material = _material()
    file = io.BytesIO()
    begun = time.process_time()
    build.write(file, material, specimen.KEY, papers=specimen.papers())
    written = time.process_time() - begun
    octets = file.getvalue()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "package.zip"
        path.write_bytes(octets)
        begun = time.process_time()
        report = verify(path)
        verified = time.process_time() - begun
    if not report.ok:
        message = f"the package does not verify: {report.failures[:3]}"
        raise RuntimeError(message)
    members = container.read(io.BytesIO(octets))
    begun = time.process_time()
    for member in members:
        sha256(octets[member.offset : member.offset + member.size]).digest()
    hashed = time.process_time() - begun
    return Claim(
        title=f"A package of {CALLS:,} calls, {TRACES} tracebacks over {HOPS} hops ({len(octets) / 1e6:.1f} MB, "
        f"{len(members):,} files)",
        figures=[
            Figure(
                what="ours: calls written and sealed", rate=CALLS / written, unit="/s",
                note=f"{written:.2f} s in all",
            ),
            Figure(
                what="ours: calls verified, standard library only", rate=CALLS / verified, unit="/s",
                note=f"{verified:.2f} s in all",
            ),
            Figure(what="bound: SHA-256 of the same files", rate=CALLS / hashed, unit="/s"),
        ],
    )  # fmt: skip


def _material() -> Any:
    good = specimen.material()
    (call,), (path,), (trace,) = good.calls, good.path, good.tracebacks
    answer = specimen.signed_answer()
    calls, traces, steps, answers = [], [], [], []
    for number in range(CALLS):
        record_id = f"{number:08x}-0000-4000-8000-000000000000"
        calls.append(replace(call, record_id=record_id, fields={**call.fields, "record_id": record_id}))
    for number in range(TRACES):
        traces.append({**trace, "traceback_id": f"TB-{number}", "record_id": calls[number].record_id})
        for hop in range(1, HOPS + 1):
            answer_id = f"RC-{number}-{hop}"
            steps.append({**path, "traceback_id": f"TB-{number}", "hop": hop, "answer_id": answer_id})
            answers.append(replace(answer, row={**answer.row, "answer_id": answer_id}))
    return replace(
        good, calls=tuple(calls), tracebacks=tuple(traces), path=tuple(steps), answers=tuple(answers), signatures=()
    )
