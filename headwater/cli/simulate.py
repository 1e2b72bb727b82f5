"""``headwater simulate``: large simulated worlds that try the real engine and the real matching."""

import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from headwater.errors import Invalid
from headwater.simulator import acceptance, knobs, outputs, verdicts
from headwater.simulator import noise as noises
from headwater.simulator.knobs import Graph
from headwater.simulator.participation import By
from headwater.simulator.trial import Plan, Run, run
from headwater.simulator.world import SIZES

app = typer.Typer(no_args_is_help=True, help="Try the real engine and matching in simulated worlds.")


def register(root: typer.Typer) -> None:
    """Add the commands."""
    root.add_typer(app, name="simulate")


@app.command()
def trace(  # noqa: PLR0917 - one argument an option
    profile: Annotated[str, typer.Option(help="Size of a world: S 60, M 700, L 7,346 carriers.")] = "M",
    tracebacks: Annotated[int, typer.Option(min=1, max=100_000, help="Traced calls in each world.")] = 500,
    participation: Annotated[float, typer.Option(min=0.0, max=1.0, help="Share of carriers that answer.")] = 1.0,
    by: Annotated[
        By, typer.Option(help="Who these are: by degree, the largest, any, or as the market responds.")
    ] = By.DEGREE,
    agents: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Share with an agent; the rest answer by hand.")
    ] = 1.0,
    noise: Annotated[str, typer.Option(help=f"How records differ: {', '.join(noises.PROFILES)}.")] = "all",
    liars: Annotated[float, typer.Option(min=0.0, max=0.5, help="Share of carriers that lie.")] = 0.01,
    graph: Annotated[Graph, typer.Option(help="Who is connected with whom.")] = Graph.MARKET,
    sim_boxes: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="Share of campaigns through SIM boxes.")
    ] = None,
    turn: Annotated[list[str] | None, typer.Option("--set", help="NAME=VALUE of a knob; see simulate knobs.")] = None,
    worlds: Annotated[int, typer.Option(min=1, max=1_000, help="How many worlds.")] = 6,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the first world; the others follow.")] = 1,
    processes: Annotated[int, typer.Option(min=1, max=64, help="Worlds at once.")] = 2,
    report: Annotated[Path | None, typer.Option(help="Write every metric and every trace as JSON here.")] = None,
) -> None:
    """Trace calls in simulated worlds and print every metric with its 95% interval."""
    if profile not in SIZES:
        raise Invalid(f"There is no profile {profile!r}. There are: {', '.join(SIZES)}.")
    noises.profile(noise)
    given = [f"graph={graph.value}", *([] if sim_boxes is None else [f"sim_boxes={sim_boxes}"]), *(turn or [])]
    turned = knobs.turned(given)
    plans = [
        Plan(
            profile=profile,
            seed=seed + number,
            traces=tracebacks,
            participation=participation,
            by=by.value,
            agents=agents,
            knobs=turned,
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


@app.command("knobs")
def show_knobs() -> None:
    """List every knob of a world with its default, what it says, and its source."""
    for one in knobs.shown():
        typer.echo(f"{one.name:<20}{one.default!s:<8}{one.metadata['says']} ({one.metadata['source']})")


@app.command()
def check(
    worlds: Annotated[int, typer.Option(min=2, max=100, help="How many worlds each line is measured in.")] = 6,
    calls: Annotated[int, typer.Option(min=100, max=100_000, help="Calls in each world.")] = 1_000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the first world.")] = 1,
) -> None:
    """Hold the simulator itself against its calibration; the exit code is 1 where a line does not hold."""
    lines = acceptance.lines(range(seed, seed + worlds), calls)
    held = True
    typer.echo(f"{'what':<58}{'measured':>10}  wanted")
    for line in lines:
        held = held and line.holds
        word = "" if line.holds else "  DOES NOT HOLD"
        typer.echo(f"{line.what:<58}{line.measured:>10.3f}  {line.least:g} to {line.most:g}{word}")
    raise typer.Exit(0 if held else 1)


@app.command()
def write(  # noqa: PLR0917 - one argument an option
    folder: Annotated[Path, typer.Argument(help="New folder for what carriers, apps and honeypots would hand over.")],
    truth: Annotated[Path, typer.Option(help="New file for what happened, outside that folder, mode 0600.")],
    profile: Annotated[str, typer.Option(help="Size of the world: S 60, M 700, L 7,346 carriers.")] = "S",
    calls: Annotated[int, typer.Option(min=1, max=1_000_000, help="Campaign calls; as many ordinary ones.")] = 500,
    noise: Annotated[str, typer.Option(help=f"How records differ: {', '.join(noises.PROFILES)}.")] = "all",
    seed: Annotated[int, typer.Option(min=0, help="Seed of the world.")] = 1,
) -> None:
    """Write a world's call detail records in vendors' formats, its reports, and, apart, its truth."""
    if profile not in SIZES:
        raise Invalid(f"There is no profile {profile!r}. There are: {', '.join(SIZES)}.")
    written = outputs.write(folder, truth, seed=seed, profile=profile, calls=calls, noise=noises.profile(noise))
    typer.echo(f"{written.files} record files of {written.records:,} records, {written.reports:,} reports: {folder}")
    typer.echo(f"{written.calls:,} calls as they happened: {truth}")


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
