"""Run the fuzz targets: ``python -m tests.fuzz [NAME ...] [--runs N | --total N] [--seconds S]``.

Each target runs in a process of its own, as many at once as there are cores. An input that shows a defect is kept in
``tests/fuzz/crashes/`` and named; ``python -m tests.fuzz NAME --input FILE`` runs it again.
"""

import argparse
import importlib.util
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from tests.fuzz import catalogue, child

HERE = Path(__file__).parent
CRASHES = HERE / "crashes"
CORPUS = HERE / "corpus"
#: What a run does that names neither: the quick readers end by the first, the slow ones by the second.
RUNS, SECONDS = 1_000_000, 100
_EXECUTED = re.compile(r"^(?:executions |stat::number_of_executed_units:\s*)(\d+)", re.MULTILINE)
_AT = re.compile(r"^#(\d+)\s", re.MULTILINE)
_ARTIFACT = re.compile(r"Test unit written to (\S+)")


@dataclass(frozen=True, kw_only=True)
class Result:
    """What came of one target."""

    name: str
    executions: int
    seconds: float
    defect: str = ""
    """The end of what the process said, where a defect was found."""
    kept: str = ""
    """File of the input that shows it."""


def arguments(given: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of: {', '.join(catalogue.names())}")
    parser.add_argument("--runs", type=int, default=0, help="executions of each target")
    parser.add_argument("--total", type=int, default=0, help="executions of all targets together")
    parser.add_argument("--seconds", type=int, default=0, help="longest time for each target")
    parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same run; 0 takes the clock's")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="targets at once")
    parser.add_argument("--rss-mb", type=int, default=1_024, help="memory that a target may take")
    parser.add_argument("--input-s", type=int, default=10, help="seconds that one input may take")
    parser.add_argument("--engine", choices=("auto", "atheris", "mutation"), default="auto")
    parser.add_argument("--input", type=Path, help="run this one input and nothing else")
    args = parser.parse_args(given)
    unknown = sorted(set(args.names) - set(catalogue.names()))
    if unknown:
        parser.error(f"no target is called {', '.join(unknown)}; there are: {', '.join(catalogue.names())}")
    args.names = args.names or catalogue.names()
    if args.total:
        args.runs = -(-args.total // len(args.names))
    if not args.runs and not args.seconds:
        args.runs, args.seconds = RUNS, SECONDS
    if args.engine == "auto":
        args.engine = "atheris" if importlib.util.find_spec("atheris") else "mutation"
    args.seed = args.seed or time.time_ns() % 2**31
    return args


def fuzz(name: str, args: argparse.Namespace, folder: Path) -> Result:
    """Run one target to its end."""
    current = folder / f"{name}.input"
    with current.open("wb") as file:
        file.truncate(child.CURRENT_OCTETS)
    command = [sys.executable, "-m", "tests.fuzz.child", name]
    for option in ("engine", "runs", "seconds", "seed", "rss_mb", "input_s"):
        command += [f"--{option.replace('_', '-')}", str(getattr(args, option))]
    command += ["--crashes", str(CRASHES), "--corpus", str(CORPUS / name), "--current", str(current)]
    began = time.monotonic()
    ran = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False
    )
    seconds = time.monotonic() - began
    told = _EXECUTED.findall(ran.stdout) or _AT.findall(ran.stdout)
    executions = int(told[-1]) if told else 0
    if ran.returncode == 0 and told:
        return Result(name=name, executions=executions, seconds=seconds)
    ended = f"ended by {signal.Signals(-ran.returncode).name}" if ran.returncode < 0 else f"exit {ran.returncode}"
    return Result(
        name=name,
        executions=executions,
        seconds=seconds,
        defect=f"{ended}\n{ran.stdout[-6_000:]}",
        kept=_keep(name, ran.stdout, current),
    )


def _keep(name: str, output: str, current: Path) -> str:
    """Return the file of the input that was under way, which the guided engine writes itself."""
    written = _ARTIFACT.findall(output)
    if written:
        return str(written[-1])
    held = current.read_bytes()
    (length,) = child.LENGTH.unpack_from(held)
    data = held[child.LENGTH.size : child.LENGTH.size + length]
    path = CRASHES / f"{name}-{sha256(data).hexdigest()[:16]}"
    path.write_bytes(data)
    return str(path)


def main(given: list[str] | None = None) -> int:
    args = arguments(sys.argv[1:] if given is None else given)
    CRASHES.mkdir(exist_ok=True)
    if args.input:
        for name in args.names:
            catalogue.load(name).run(args.input.read_bytes())
        print(f"{args.input}: read by {', '.join(args.names)} without a defect")
        return 0
    print(f"{len(args.names)} targets, engine {args.engine}, seed {args.seed}, {args.jobs} at once", flush=True)
    results = []
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder, ThreadPoolExecutor(args.jobs) as pool:
        for future in as_completed([pool.submit(fuzz, name, args, Path(folder)) for name in args.names]):
            result = future.result()
            results.append(result)
            print(_line(result), flush=True)
    print(f"{sum(result.executions for result in results):,} executions in all")
    return 1 if any(result.defect for result in results) else 0


def _line(result: Result) -> str:
    rate = result.executions / max(result.seconds, 0.001)
    line = f"  {result.name:<28}{result.executions:>12,} executions  {result.seconds:>7.1f} s  {rate:>9,.0f}/s"
    if result.defect:
        return f"{line}  DEFECT, input kept in {result.kept}\n{result.defect}"
    return line


if __name__ == "__main__":
    sys.exit(main())
