"""The structure of the package: modules form no import cycles, packages stay small, each package has a docstring.

``lint-imports`` enforces which package may import which. These tests do not judge the content of single modules.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import spi_pipeline

PACKAGE = Path(spi_pipeline.__file__).parent
# People search a longer list of files instead of reading it.
MOST_FILES = 16
# The packages that may be longer, each with its reason.
LONG = {
    "outputs/site/pages": "one file for each kind of page, all alike, listed in its __init__",
    "rules/kinds": "one file for each kind of rule, all alike, listed in its __init__",
}


def module_name(file: Path) -> str:
    return ".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_name(file): file for file in sorted(PACKAGE.rglob("*.py"))}
PACKAGES = sorted({file.parent for file in MODULES.values()})


def imported(source: str) -> set[str]:
    """This project's modules that a module imports, including imports inside functions or for type checking only."""
    modules: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            modules.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            modules.update(name if name in MODULES else str(node.module) for name in names)
    return modules & MODULES.keys()


def cycle(graph: Mapping[str, set[str]]) -> list[str]:
    """Modules that import each other, the first repeated at the end; empty if there is no cycle."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_modules_import_each_other() -> None:
    assert cycle({name: imported(file.read_text("utf-8")) for name, file in MODULES.items()}) == []


def test_imports_are_detected_anywhere_in_a_module() -> None:
    source = """
import spi_pipeline.settings
from spi_pipeline.cli import console
from spi_pipeline.engine.errors import EngineError
if TYPE_CHECKING:
    from spi_pipeline.engine.panel import Flags
def late():
    from spi_pipeline.engine.rank import ranks
"""
    late = ["engine.errors", "engine.panel", "engine.rank", "settings"]
    assert imported(source) == {f"spi_pipeline.{name}" for name in ["cli.console", *late]}
    assert cycle({"a": {"b"}, "b": {"c"}, "c": {"a"}}) != []


def test_yaml_is_read_in_one_place() -> None:
    """Plain PyYAML crashes the process on 200 KB of brackets, and lets a repeated key overwrite the earlier one."""
    readers = {
        name for name, file in MODULES.items() if re.search(r"^\s*(import|from) yaml\b", file.read_text("utf-8"), re.M)
    }
    assert readers == {"spi_pipeline.contracts.reading.documents"}


def test_duckdb_is_opened_in_one_place() -> None:
    """DuckDB draws a progress bar into a command's output, even JSON, once a query takes two seconds."""
    openers = {name for name, file in MODULES.items() if re.search(r"\bduckdb\.[a-z_]+\(", file.read_text("utf-8"))}
    assert openers == {"spi_pipeline.rules.duck"}


@pytest.mark.parametrize("package", PACKAGES, ids=lambda folder: folder.relative_to(PACKAGE.parent).as_posix())
def test_a_package_is_short_and_has_a_docstring(package: Path) -> None:
    assert ast.get_docstring(ast.parse((package / "__init__.py").read_text("utf-8")))
    long = package.relative_to(PACKAGE).as_posix() in LONG
    assert (len(list(package.glob("*.py"))) > MOST_FILES) == long, "a reason in LONG is needed, or no longer needed"
