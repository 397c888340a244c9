"""The operating guide lists all settings and units, and the commands and files that it names exist."""

from __future__ import annotations

import inspect
import re
import shlex
from pathlib import Path

import typer
from typer.core import TyperGroup

from spi_pipeline.cli import app
from spi_pipeline.settings import Settings
from spi_pipeline_tests.docs.documents import REPOSITORY, assert_table, markdown_table, text

OPERATING = REPOSITORY / "docs" / "operating.md"
UNITS = REPOSITORY / "deploy" / "systemd"


def meanings() -> dict[str, str]:
    """The meaning of each setting, from the docstring of the settings."""
    attributes = inspect.getdoc(Settings).partition("Attributes:\n")[2]  # type: ignore[union-attr]
    lines = re.sub(r"\n {8,}", " ", attributes)
    return dict(re.findall(r"^ *(\w+): (.*)$", lines.replace("``", "`"), re.MULTILINE))


def default(name: str) -> str:
    """A setting's default, as readers see it."""
    value = Settings.model_fields[name].default
    if hasattr(value, "get_secret_value"):
        value = value.get_secret_value()
    if isinstance(value, frozenset):
        value = ",".join(sorted(value))
    if isinstance(value, Path):
        return f"`{value.name}` of the clone" if value.parent == REPOSITORY else "inside the package"
    return f"`{value}`" if value != "" else "nothing"


def test_settings() -> None:
    described = meanings()
    assert list(described) == list(Settings.model_fields), "the docstring says what each setting means, in their order"
    rows = [[f"`SPI_{name.upper()}`", meaning.rstrip("."), default(name)] for name, meaning in described.items()]
    assert_table(OPERATING, "settings", markdown_table(["Variable", "Meaning", "Default"], rows))


def test_units() -> None:
    rows = []
    for unit in sorted(UNITS.glob("*.service")):
        (about,) = re.findall(r"\A# (.+)$", text(unit), re.MULTILINE)
        (command,) = re.findall(r"^ExecStart=.*?\b(spi [a-z].*)$", text(unit), re.MULTILINE)
        timer = " by its timer" if unit.with_suffix(".timer").exists() else ""
        rows.append([f"`{unit.name}`", f"`{command}`{timer}", about.rstrip(".")])
    assert_table(OPERATING, "units", markdown_table(["Unit", "Runs", "What for"], rows))


def test_named_commands_exist() -> None:
    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    named = re.findall(r"`spi ([^`]+)`|/spi ([a-z][^\n|]*)$", text(OPERATING), re.MULTILINE)
    assert len(named) > 10
    for alternatives in named:
        words = shlex.split(next(filter(None, alternatives)))
        command = root.commands[words[0]]
        if isinstance(command, TyperGroup):
            command = command.commands[words[1]]
        options = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options, words


def test_named_files_exist() -> None:
    named = re.findall(r"\bdeploy/[\w./]+", text(OPERATING))
    assert named
    assert [path for path in named if not (REPOSITORY / path).exists()] == []
