"""The agent as a distribution of its own: it holds what it imports, needs what it declares, runs with nothing else."""

import ast
import os
import runpy
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
AGENT = ROOT / "packaging" / "agent"
PROJECT = tomllib.loads((AGENT / "pyproject.toml").read_text())
HUB = tomllib.loads((ROOT / "pyproject.toml").read_text())
CONFIG = """
data = "agent-data"
[hub]
url = "https://hub.example:8403"
[[carrier]]
spc = "709J"
name = "Alder Voice"
key_file = "alder.pem"
own = ["10.77.0.21"]
[[carrier.hep]]
port = 19060
auth_key = "lab-nA-key"
"""
LOCK = runpy.run_path(str(AGENT / "lock.py"))


def shipped() -> set[Path]:
    """The source files that the wheel holds."""
    listed = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    found = {(AGENT / one).resolve() for one in listed}
    assert all(one.exists() for one in found)
    return {path for one in found for path in ([one] if one.is_file() else one.rglob("*.py")) if path.suffix == ".py"}


def imported(path: Path) -> Iterator[str]:
    """The modules that a file imports, at the top or later."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def test_the_wheel_holds_every_module_of_ours_that_its_modules_import() -> None:
    files = shipped()
    for path in files:
        for name in imported(path):
            if name.partition(".")[0] == "headwater":
                place = ROOT / name.replace(".", "/")
                assert {place.with_suffix(".py"), place / "__init__.py"} & files, f"{path} imports {name}"


def test_what_it_imports_of_others_is_declared_and_nothing_else_is() -> None:
    of_import = packages_distributions()
    names = {name.partition(".")[0] for path in shipped() for name in imported(path)}
    foreign = names - sys.stdlib_module_names - {"headwater"}
    declared = {canonicalize_name(Requirement(line).name) for line in PROJECT["project"]["dependencies"]}
    # A package is found under its own name, or by whoever brought it (clickhouse_connect, dpkt ...).
    needed = {
        own if (own := canonicalize_name(name)) in declared else canonicalize_name(of_import[name][0])
        for name in foreign
    }
    assert needed == declared
    assert not declared & {"django", "psycopg", "procrastinate", "scikit-learn", "pyhanko"}


def test_its_bounds_are_those_of_the_hub_s_and_its_lock_is_a_part_of_the_hub_s() -> None:
    assert set(PROJECT["project"]["dependencies"]) <= set(HUB["project"]["dependencies"])
    assert PROJECT["project"]["version"] == HUB["project"]["version"]
    assert (AGENT / "requirements.lock").read_text() == LOCK["lock"](), "run `make agent-dist`"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the built wheel and what the lock names, and nothing else of this virtual environment."""
    folder = tmp_path_factory.mktemp("agent")
    built = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", built], cwd=AGENT, check=True)
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        wheel.extractall(folder)
    lines = (AGENT / "requirements.lock").read_text().splitlines()
    for name in {line.partition("==")[0] for line in lines if "==" in line and not line.startswith("#")}:
        _link(name, folder)
    return folder


def _link(name: str, folder: Path) -> None:
    try:
        found = distribution(name)
    except ModuleNotFoundError:
        return  # of another platform
    for top in {Path(file.parts[0]) for file in found.files or () if file.parts[0] not in {"..", "__pycache__"}}:
        place, target = Path(str(found.locate_file(top))), folder / top
        if place.exists() and not target.exists():
            target.symlink_to(place)


def headwater(folder: Path, *words: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    # -S: no site-packages but ``folder``.
    command = [sys.executable, "-S", "-m", "headwater", *words]
    environment = {"PYTHONPATH": str(folder), "PATH": os.environ["PATH"], "HOME": str(cwd)}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.timeout(300)
def test_installed_alone_it_makes_a_key_checks_its_configuration_and_looks_a_call_up(
    installed: Path, tmp_path: Path
) -> None:
    without = [sys.executable, "-S", "-c", "import django"]
    assert subprocess.run(without, env={"PYTHONPATH": str(installed)}, capture_output=True, check=False).returncode
    (tmp_path / "agent.toml").write_text(CONFIG)
    made = headwater(installed, "agent", "key", "--out", "alder.pem", cwd=tmp_path)
    assert '"kty": "EC"' in made.stdout, made.stderr
    checked = headwater(installed, "agent", "check", "--config", "agent.toml", cwd=tmp_path)
    assert (checked.returncode, "hub https://hub.example:8403" in checked.stdout) == (0, True), checked.stdout
    looked = headwater(
        installed, "agent", "try", "--config", "agent.toml", "--spc", "709J", "--called", "15035550142",
        "--at", "2026-11-24T15:30:00Z", cwd=tmp_path,
    )  # fmt: skip
    assert (looked.returncode, "RECORD_NOT_FOUND" in looked.stdout) == (0, True), looked.stdout + looked.stderr
    listed = headwater(installed, "--help", cwd=tmp_path)
    assert "agent" in listed.stdout
    assert "serve" not in listed.stdout
