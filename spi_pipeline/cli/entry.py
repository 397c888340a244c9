"""The ``spi`` command itself: which commands there are, and every expected failure as one sentence on stderr."""

import gc
import sys
import traceback
from importlib.metadata import version
from tempfile import NamedTemporaryFile
from typing import Annotated, NoReturn

import typer
from pydantic import ValidationError

from spi_pipeline.cli import alerts, contracts, site, snapshot, source
from spi_pipeline.cli.console import BAD_USAGE, FAILED, PLAIN_WIDTH, STOPPED, err, out
from spi_pipeline.cli.doctor import doctor
from spi_pipeline.cli.explain import explain
from spi_pipeline.cli.refresh import check, refresh, status
from spi_pipeline.cli.report import report
from spi_pipeline.cli.score.arguments import score
from spi_pipeline.cli.ui import ui
from spi_pipeline.contracts.errors import ContractError, SettingError, SpiError, UnknownNameError

# So many objects are made between two looks of Python's collector of cycles. At its own 700 the looks take 3 of the 27
# CPU s of a first refresh, nearly all at what libraries keep for good; at this number 0.8 s, in 12 MB more of 600.
GARBAGE_AFTER = 200_000

app = typer.Typer(
    help="The pipeline behind a ward-level Social Progress Index.", no_args_is_help=True, add_completion=False
)
for command in (refresh, check, status, doctor, explain, score, report, ui):
    app.command()(command)
for name, group in {
    "contracts": contracts.app,
    "snapshot": snapshot.app,
    "source": source.app,
    "site": site.app,
    "alerts": alerts.app,
}.items():
    app.add_typer(group, name=name)


def _version(wanted: bool) -> None:
    if wanted:
        out.print(f"spi_pipeline {version('spi-pipeline')}")
        raise typer.Exit


@app.callback()
def _spi(
    _version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which version this is.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command; every expected failure is one sentence on stderr.

    Exit codes: 0 done, 1 a check or step failed, 2 bad usage or a bad contract, 130 stopped by Ctrl-C.
    """
    gc.set_threshold(GARBAGE_AFTER)
    for console in (out, err):
        if not console.is_terminal:
            console.width = PLAIN_WIDTH
    try:
        app()
    except SystemExit as left:
        if left.code == STOPPED:
            _leave(STOPPED, "stopped; what was done is kept, run the command again to go on")
        raise
    except ContractError as error:
        count = sum(fault.count for fault in error.faults)
        counted = f"{count:,} fault{'s' * (count > 1)} in {error.where}; nothing was done."
        _leave(BAD_USAGE, *map(str, error.faults), counted)
    except ValidationError as error:  # of the settings: nothing else is validated unguarded
        _leave(BAD_USAGE, *(_setting(e["loc"][0], e["input"], e["msg"]) for e in error.errors()))
    except (SettingError, UnknownNameError) as error:
        _leave(BAD_USAGE, str(error))
    except SpiError as error:
        _leave(FAILED, str(error))
    except Exception as error:
        with NamedTemporaryFile("w", prefix="spi-", suffix=".log", delete=False, encoding="utf-8") as trace:
            traceback.print_exception(error, file=trace)
        said = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        _leave(FAILED, f"spi broke in our own code ({said}); report it with the trace in {trace.name}")


def _setting(name: object, given: object, fault: str) -> str:
    return f"SPI_{str(name).upper()}={given!r}: {fault.removeprefix('Value error, ')}"


def _leave(code: int, *sentences: str) -> NoReturn:
    for sentence in sentences:
        err.print(sentence, style="red", soft_wrap=True, markup=False)
    sys.exit(code)
