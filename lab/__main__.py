"""Run the live lab: ``python -m lab [--calls N] [--seed S] [--keep FOLDER]``. Ends with 0 where all is as it was made.

Where something that it needs is missing it says what, and ends with 0 as well: it is opt-in (with ``--must-run``, 1).
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from lab import collector, judge, network, oracle, parties, pki, plan
from tests.intake import lab as recorded

SIPPY = "sippy==2.5.0"
VENV = Path(__file__).parents[1] / "var" / "lab-venv"


def arguments(given: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m lab", description=__doc__)
    parser.add_argument("--calls", type=int, default=40, help="calls of each pass")
    parser.add_argument("--seed", type=int, default=0, help="the same seed makes the same calls; 0 takes the clock's")
    parser.add_argument("--keep", type=Path, help="folder for configurations and logs, which are deleted otherwise")
    parser.add_argument("--must-run", action="store_true", help="end with 1 where the lab cannot run")
    args = parser.parse_args(given)
    args.seed = args.seed or int(time.time()) % 1_000_000
    return args


def b2bua() -> Path:
    """Return the program of the back-to-back user agent, installed into an environment of its own."""
    program = VENV / "bin" / "b2bua_radius"
    if not program.exists():
        print(f"Installing {SIPPY} into {VENV} ...", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
        install = [str(VENV / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", SIPPY]
        subprocess.run(install, check=True)
    return program


def one_pass(folder: Path, calls: list[plan.PlannedCall], *, signed: bool) -> judge.Report:
    """Make the calls through the three carriers and judge what our side kept."""
    folder.mkdir()
    made = pki.make(folder)
    with network.Network(logs=folder) as lan:
        config = collector.configure(folder)
        agent = collector.start(config, folder / "agent.log")
        try:
            parties.phone(lan)
            parties.kamailio(lan, "c")
            parties.sippy(lan, b2bua(), passes_identity=signed)
            parties.kamailio(lan, "a", pki=made)
            time.sleep(3)
            parties.customer(lan, len(calls), plan.csv(calls))
            time.sleep(2)
        finally:
            collector.stop(agent)
        return judge.judge(calls, collector.kept(config), made, signed=signed)


def second_reader(folder: Path) -> judge.Report:
    """Let sngrep and us read the same recorded frames."""
    report = judge.Report()
    frames = [frame for _, frame in recorded.frames()]
    with network.Network(logs=folder):
        theirs, ours, both = oracle.compare(frames, folder)
    report.counts |= {"messages that sngrep read": theirs, "messages that we read": ours, "the same": both}
    report.must(theirs == ours == both == len(frames), "sngrep and we do not read the same")
    return report


def show(title: str, report: judge.Report) -> None:
    print(f"\n{title}")
    for name, value in report.counts.items():
        print(f"  {name:<32}{value}")
    for sentence in report.wrong[:40]:
        print(f"  WRONG: {sentence}")
    print(f"  {'as it was made' if not report.wrong else f'{len(report.wrong)} things are wrong'}", flush=True)


def main(given: list[str]) -> int:
    args = arguments(given)
    reason = network.missing()
    if reason:
        print(f"The live lab cannot run here: {reason}")
        return 1 if args.must_run else 0
    folder = args.keep or Path(tempfile.mkdtemp(prefix="headwater-lab-"))
    folder.mkdir(parents=True, exist_ok=True)
    print(f"{args.calls} calls a pass, seed {args.seed}", flush=True)
    reports = []
    try:
        b2bua()
        for title, signed in (
            ("Carrier B passes the Identity header on", True),
            ("Carrier B strips it: numbers and time must do", False),
        ):
            reports.append(
                one_pass(folder / ("signed" if signed else "stripped"), plan.plan(args.calls, args.seed), signed=signed)
            )
            show(title, reports[-1])
        reports.append(second_reader(folder))
        show("sngrep reads the recorded frames as well", reports[-1])
    finally:
        if args.keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    return 1 if any(report.wrong for report in reports) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
