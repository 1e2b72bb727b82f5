"""``headwater simulate``: large simulated worlds that try the real engine and the real matching."""

import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from headwater.errors import Invalid
from headwater.simulator import noise as noises
from headwater.simulator import verdicts
from headwater.simulator.trial import Plan, Run, run
from headwater.simulator.world import SIZES

app = typer.Typer(no_args_is_help=True, help="Try the real engine and matching in simulated worlds.")


class By(StrEnum):
    """How those that answer are chosen."""

    DEGREE = "degree"
    TOP = "top"
    RANDOM = "random"


def register(root: typer.Typer) -> None:
    """Add the commands."""
    root.add_typer(app, name="simulate")


@app.command()
def trace(  # noqa: PLR0917 - one argument an option
    profile: Annotated[str, typer.Option(help="Size of a world: S 60, M 700, L 7,346 carriers.")] = "M",
    tracebacks: Annotated[int, typer.Option(min=1, max=100_000, help="Traced calls in each world.")] = 500,
    participation: Annotated[float, typer.Option(min=0.0, max=1.0, help="Share of carriers that answer.")] = 1.0,
    by: Annotated[By, typer.Option(help="Who these are: by degree, the largest, or any.")] = By.DEGREE,
    noise: Annotated[str, typer.Option(help=f"How records differ: {', '.join(noises.PROFILES)}.")] = "all",
    liars: Annotated[float, typer.Option(min=0.0, max=0.5, help="Share of carriers that lie.")] = 0.01,
    worlds: Annotated[int, typer.Option(min=1, max=1_000, help="How many worlds.")] = 6,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the first world; the others follow.")] = 1,
    processes: Annotated[int, typer.Option(min=1, max=64, help="Worlds at once.")] = 2,
    report: Annotated[Path | None, typer.Option(help="Write every metric and every trace as JSON here.")] = None,
) -> None:
    """Trace calls in simulated worlds and print every metric with its 95% interval."""
    if profile not in SIZES:
        raise Invalid(f"There is no profile {profile!r}. There are: {', '.join(SIZES)}.")
    noises.profile(noise)
    plans = [
        Plan(
            profile=profile,
            seed=seed + number,
            traces=tracebacks,
            participation=participation,
            by=by.value,
            noise=noise,
            liars=liars,
            calibration=verdicts.LEARNED,
        )
        for number in range(worlds)
    ]
    began = time.monotonic()
    runs = sorted(_all(plans, processes), key=lambda one: one.plan.seed)
    typer.echo(verdicts.text(runs))
    typer.echo(f"{sum(len(one.ended) for one in runs):,} traces in {time.monotonic() - began:.1f} s", err=True)
    if report is not None:
        report.write_bytes(msgspec.json.format(msgspec.json.encode(_document(runs)), indent=1) + b"\n")
        typer.echo(f"Written: {report}", err=True)


def _all(plans: list[Plan], processes: int) -> Iterator[Run]:
    """Run every plan, and show how far it is."""
    with (
        typer.progressbar(length=len(plans), label="Worlds", file=sys.stderr) as shown,
        ProcessPoolExecutor(min(processes, len(plans), os.cpu_count() or 1)) as pool,
    ):
        for done in as_completed([pool.submit(run, plan) for plan in plans]):
            shown.update(1)
            yield done.result()


def _document(runs: list[Run]) -> dict[str, object]:
    return {
        "plan": msgspec.to_builtins(runs[0].plan),
        "seeds": [one.plan.seed for one in runs],
        "metrics": [{**msgspec.to_builtins(one), "holds": one.holds} for one in verdicts.metrics(runs)],
        "grades": verdicts.grades(runs),
        "worlds": [
            {
                "seed": one.plan.seed,
                "records": one.records,
                "candidates": one.candidates,
                "traces": msgspec.to_builtins(one.ended),
            }
            for one in runs
        ],
    }
