"""The runner itself: it finds what is wrong, says so, and keeps the input."""

import subprocess
import sys
import textwrap
from itertools import islice

import pytest

from tests.fuzz import catalogue, child, mutation

BROKEN = {
    "raises": "if b'bad' in data: raise ValueError('broken')",
    "endless": "while b'bad' in data: pass",
    "hungry": "if b'bad' in data: held = [bytes(50_000_000) for _ in range(1_000)]",
    "dies": "import os\n    if b'bad' in data: os.abort()",
}


@pytest.mark.parametrize("fault", [*BROKEN, "sound"])
def test_the_runner_finds_a_defect_of_each_kind_and_keeps_its_input(fault, tmp_path):
    module = f"SEEDS = [b'good', b'bad']\ndef target(data: bytes) -> None:\n    {BROKEN.get(fault, 'pass')}\n"
    current = tmp_path / "current"
    with current.open("wb") as file:
        file.truncate(child.CURRENT_OCTETS)
    script = f"""
        import sys, types
        from tests.fuzz import child
        module = types.ModuleType("tests.fuzz.targets.broken")
        exec({module!r}, module.__dict__)
        sys.modules["tests.fuzz.targets.broken"] = module
        sys.exit(child.main())
    """
    arguments = ["--engine", "mutation", "--runs", "50", "--input-s", "1", "--rss-mb", "200"]
    arguments += ["--crashes", str(tmp_path), "--corpus", str(tmp_path / "corpus"), "--current", str(current)]
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), "broken", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (ran.returncode == 0) == (fault == "sound"), ran.stderr
    if fault == "sound":
        assert ran.stdout.splitlines()[-1] == "executions 50"
    else:
        held = current.read_bytes()
        (length,) = child.LENGTH.unpack_from(held)
        assert held[child.LENGTH.size :][:length] == b"bad"


def test_the_same_seed_gives_the_same_inputs():
    target = catalogue.Target(name="any", run=len, seeds=[b"one", b"another"], tokens=[b"HEP3"])
    first, second = (list(islice(mutation.inputs(target, seed=7), 500)) for _ in range(2))
    assert first == second
    assert len(set(first)) > 300


def test_every_target_has_seeds_and_says_what_it_reads():
    for name in catalogue.names():
        target = catalogue.load(name)
        assert target.seeds, name
        assert all(isinstance(seed, bytes) and len(seed) <= target.longest for seed in target.seeds), name
        assert sys.modules[f"tests.fuzz.targets.{name}"].__doc__, name
