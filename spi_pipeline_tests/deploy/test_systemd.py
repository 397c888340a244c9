"""Systemd accepts the units; they start commands that exist, and agree with each other and with the settings."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from spi_pipeline.settings import Settings
from spi_pipeline_tests.deploy.conftest import DEPLOY, program
from spi_pipeline_tests.docs.conftest import Spi, spi
from spi_pipeline_tests.docs.documents import text

__all__ = ["spi"]
UNITS = sorted((DEPLOY / "systemd").iterdir())
SERVICES = [unit for unit in UNITS if unit.suffix == ".service"]
PROGRAM = "/opt/spi/.venv/bin/spi"


def verified(units: list[Path], folder: Path, change: tuple[str, str] = ("", "")) -> str:
    """Systemd's messages about units, after replacing the path of the program, which is not installed here."""
    for unit in units:
        written = text(unit).replace(PROGRAM, sys.executable).replace(*change)
        (folder / unit.name).write_text(written, encoding="utf-8")
    command = [
        program("systemd-analyze", "systemd"),
        "verify",
        "--man=no",
        *(str(folder / unit.name) for unit in units),
    ]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    # Systemd also reports on the machine's own units.
    return "".join(line for line in result.stderr.splitlines(keepends=True) if "spi-" in line)


def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    assert {unit.suffix for unit in UNITS} == {".service", ".timer"}
    assert verified(UNITS, tmp_path) == ""


def test_systemd_reports_a_misspelt_setting(tmp_path: Path) -> None:
    assert "PrivateTpm" in verified(SERVICES, tmp_path, ("PrivateTmp", "PrivateTpm"))


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.stem)
def test_a_service_is_confined(unit: Path) -> None:
    """Systemd rates services from 0 (confined) to 100; a service without confinement settings scores 96."""
    command = [program("systemd-analyze", "systemd"), "security", "--offline=true", "--threshold=35", str(unit)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stdout[-300:]


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.stem)
def test_the_command_of_a_service_exists(unit: Path, spi: Spi, tmp_path: Path) -> None:
    (started,) = re.findall(r"^ExecStart=(.*)$", text(unit), re.MULTILINE)
    words = shlex.split(started)
    arguments = words[words.index(PROGRAM) + 1 :]
    code, shown, messages = spi(
        tmp_path, *(word for word in arguments if not word.startswith("-") and not word.isdigit()), "--help"
    )
    assert code == 0, messages
    assert [word for word in arguments if word.startswith("-") and word not in shown] == []


def test_timers_start_existing_services() -> None:
    timers = [unit for unit in UNITS if unit.suffix == ".timer"]
    assert timers
    assert all(unit.with_suffix(".service") in SERVICES for unit in timers)


def test_all_services_share_their_confinement_settings() -> None:
    """Every unit repeats the user, settings, folders and confinement, since systemd has no include."""
    shared = [
        {
            line
            for line in text(unit).splitlines()
            if re.match(
                r"(User|EnvironmentFile|StateDir|Environment|Work|UMask|Cap|Lock|NoNew|Private|Protect|Restrict(?!=on)|System)\w*=",
                line,
            )
            and not line.startswith("Restart")
        }
        for unit in SERVICES
    ]
    assert len(shared[0]) > 15
    assert all(lines == shared[0] for lines in shared)


def test_the_environment_file_names_only_known_settings() -> None:
    named = re.findall(r"^#?([A-Z_]+)=", text(DEPLOY / "spi.env"), re.MULTILINE)
    known = {f"SPI_{name.upper()}" for name in Settings.model_fields}
    postgres_settings = set(re.findall(r"env: (\w+)", text(DEPLOY / "postgres" / "dagster.yaml")))
    assert set(named) <= known | postgres_settings | {"DAGSTER_HOME"}
    assert postgres_settings <= set(named)
