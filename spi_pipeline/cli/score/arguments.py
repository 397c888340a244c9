"""The command-line arguments of ``spi score``; ``command``, which needs pandas, does the work."""

import json
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from spi_pipeline.cli.console import Json, err

# With fewer draws there is no 5th and 95th percentile.
LEAST_DRAWS = 20


def score(
    framework: Annotated[
        Path | None, typer.Argument(metavar="FRAMEWORK.yaml", help="The framework of the index.")
    ] = None,
    values: Annotated[
        Path | None,
        typer.Argument(metavar="VALUES.csv|parquet|xlsx", help="The values, one row per value or per area."),
    ] = None,
    profile: Annotated[str | None, typer.Option(help="Use this profile in place of the framework's.")] = None,
    to: Annotated[Path | None, typer.Option("--out", help="Write the scores here, as .csv, .parquet or .xlsx.")] = None,
    draws: Annotated[int, typer.Option(help="Recalculations behind the rank intervals; 0 for none.")] = 0,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the draws; the same seed gives the same figures.")] = 0,
    sobol: Annotated[int, typer.Option(help="Base draws of the Sobol indices of uncertainty; 0 for none.")] = 0,
    details: Annotated[Path | None, typer.Option(help="Write every table of the analysis into this folder.")] = None,
    explain_: Annotated[
        bool, typer.Option("--explain", help="Explain in words how the index is computed, and stop.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Compute any index of any depth from a framework and values; docs/score.md describes both files."""
    from spi_pipeline.cli.score.command import explain_files, score_files
    from spi_pipeline.cli.score.write import check_folder, check_target, csv_bytes, write_details, write_scores
    from spi_pipeline.cli.terminal import draws_done

    if explain_:
        explained = explain_files(framework, profile)
        if as_json:
            titled = [text.splitlines() for text in explained]
            print(json.dumps([{"title": title, "sentences": sentences} for title, *sentences in titled], indent=2))
        else:
            print("\n\n".join(explained))
        return
    for name, number in (("--draws", draws), ("--sobol", sobol)):
        if number and number < LEAST_DRAWS:
            raise typer.BadParameter(f"{name} {number} is too few for an interval: give {LEAST_DRAWS} or more")
    if framework is None or values is None:
        raise typer.BadParameter("give two files: FRAMEWORK.yaml and VALUES.csv, VALUES.parquet or VALUES.xlsx")
    if to is not None:
        check_target(to, (framework, values))
    if details is not None:
        check_folder(details, (framework, values))
    with nullcontext() if as_json else draws_done(err) as progress:
        outcome = score_files(framework, values, profile, draws, seed, sobol, progress)
    if details is not None:
        write_details(outcome, details)
    if to is not None:
        write_scores(outcome, to)
    for note in outcome.scores.notes:
        err.print(note, soft_wrap=True)
    if as_json:
        print(json.dumps(outcome.summary(), indent=2))
    elif to is None:
        sys.stdout.buffer.write(csv_bytes(outcome.table))
    else:
        print(f"{outcome.title}: {len(outcome.table):,} scores written to {to}")
