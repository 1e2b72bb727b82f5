"""Fuzzes ONE target in a process of its own, within bounds of memory and time: ``python -m tests.fuzz.child``.

Prints ``executions N`` at its end. Ends with 0 where no defect was found, 77 where one was; a process that dies
otherwise died of the input that the parent finds in the ``current`` file (plain mutation) or among the artifacts
(atheris).
"""

import argparse
import mmap
import os
import resource
import signal
import struct
import sys
import time
import traceback
from hashlib import sha256
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import NoReturn

from tests.fuzz import catalogue, mutation

FOUND = 77
CURRENT_OCTETS = 8 * 1024 * 1024
LENGTH = struct.Struct("<Q")


class TooSlow(BaseException):
    """An input took longer than an input may; not an ``Exception``, so that no reader can swallow it."""


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.fuzz.child")
    parser.add_argument("name")
    parser.add_argument("--engine", choices=("atheris", "mutation"), required=True)
    parser.add_argument("--runs", type=int, default=0)
    parser.add_argument("--seconds", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rss-mb", type=int, default=1_024)
    parser.add_argument("--input-s", type=int, default=10)
    parser.add_argument("--crashes", type=Path, required=True)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--current", type=Path, required=True)
    return parser.parse_args(given)


def main() -> int:
    args = arguments()
    # Arrow's own allocator reserves a gigabyte at once, which the bound of memory would take for the input's doing.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    if args.engine == "atheris":
        _guided(args)
    return _plain(args)


def _guided(args: argparse.Namespace) -> NoReturn:
    """Let libFuzzer choose the inputs by what they reach. It ends the process itself."""
    import atheris  # absent where no wheel fits the interpreter; the parent asked before

    with atheris.instrument_imports(include=list(catalogue.INSTRUMENTED)):
        target = catalogue.load(args.name)
    args.corpus.mkdir(parents=True, exist_ok=True)
    for seed in target.seeds:
        (args.corpus / sha256(seed).hexdigest()[:40]).write_bytes(seed)
    options = [
        f"-seed={args.seed}",
        f"-max_len={target.longest}",
        f"-rss_limit_mb={args.rss_mb}",
        f"-timeout={args.input_s}",
        f"-artifact_prefix={args.crashes}/{args.name}-",
        "-print_final_stats=1",
        "-verbosity=1",
    ]
    options += [f"-runs={args.runs}"] if args.runs else []
    options += [f"-max_total_time={args.seconds}"] if args.seconds else []
    if target.tokens:
        words = args.current.with_suffix(".dict")
        quoted = ("".join(f"\\x{octet:02x}" for octet in token) for token in target.tokens)
        words.write_text("".join(f'"{token}"\n' for token in quoted))
        options.append(f"-dict={words}")
    atheris.Setup([args.name, *options, str(args.corpus)], target.run)
    atheris.Fuzz()
    raise SystemExit(0)


def _plain(args: argparse.Namespace) -> int:
    target = catalogue.load(args.name)
    signal.signal(signal.SIGALRM, _too_slow)
    _limit_memory(args.rss_mb)
    ends_at = time.monotonic() + args.seconds if args.seconds else float("inf")
    with args.current.open("r+b") as file, mmap.mmap(file.fileno(), CURRENT_OCTETS) as current:
        done = 0
        for data in islice(mutation.inputs(target, seed=args.seed), args.runs or None):
            if time.monotonic() > ends_at:
                break
            current[: LENGTH.size] = LENGTH.pack(len(data))
            current[LENGTH.size : LENGTH.size + len(data)] = data
            signal.setitimer(signal.ITIMER_REAL, args.input_s)
            try:
                target.run(data)
            except (Exception, TooSlow):  # noqa: BLE001 - whatever it raises is the defect that is looked for
                traceback.print_exc()
                print(f"executions {done + 1}", flush=True)
                return FOUND
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
            done += 1
        print(f"executions {done}", flush=True)
    return 0


def _too_slow(number: int, frame: FrameType | None) -> None:
    raise TooSlow("the input took longer than an input may")


def _limit_memory(more_mb: int) -> None:
    """Let the process grow by so much from here: beyond it there is a MemoryError, or an end that the parent sees."""
    pages = int(Path("/proc/self/statm").read_text().split()[5]) if sys.platform == "linux" else 0
    bound = pages * os.sysconf("SC_PAGE_SIZE") + more_mb * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_DATA, (bound, resource.getrlimit(resource.RLIMIT_DATA)[1]))


if __name__ == "__main__":
    sys.exit(main())
