"""No module outside ``storage`` builds or names a path below the store, judged by the syntax of every module.

Comments and docstrings do not count. Modules may open a path that ``storage`` hands out. The contents of ``dagster/``
and ``alerts/`` belong to Dagster and the manager of alerts, which receive a folder and do not know the store.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import spi_pipeline
from spi_pipeline.storage import places

PACKAGE = Path(str(spi_pipeline.__file__)).parent
PLACES = {value for name, value in vars(places).items() if name.isupper() and name[0] != "_"}
# A folder of the store inside a sentence or record. ``dagster/`` is left out: Dagster's own tags begin with it.
NAMED = re.compile(rf"(?<![\w./-])(?:{'|'.join(sorted(PLACES - {places.DAGSTER}))})/|{re.escape(places.DATABASE)}")
JOINING = ("joinpath", "glob", "rglob", "iterdir", "with_name", "with_suffix", "join")
PATH_TYPES = ("Path", "PurePath", "PurePosixPath", "str")

# The exceptions, each with its reason.
ALLOWED = {
    "settings.py: _PACKAGE / 'snapshot' / 'tables'": "the embedded tables, a folder of the package",
    "orchestration/instance.py: history / 'runs'": "Dagster's own folder, wherever DAGSTER_HOME puts it",
    "orchestration/instance.py: 'runs/'": "a database in it",
}


class Finder(ast.NodeVisitor):
    """Finds the paths below a store that a module builds or names, as source text."""

    def __init__(self, source: str) -> None:
        tree = ast.parse(source)
        self.found: list[str] = []
        self.derived: set[str] = set()
        # Each pass follows one more link in a chain of names derived from each other.
        for _ in range(3):
            for target, value in _assignments(tree):
                if isinstance(target, ast.Name) and self.is_derived(value):
                    self.derived.add(target.id)
        self.visit(tree)

    def is_derived(self, node: ast.AST) -> bool:
        """Whether a value is a store, the setting with its location, or derived from one of them."""
        match node:
            case ast.Name(id=name):
                return name == "store" or name in self.derived
            case ast.Attribute(value=value, attr=attribute):
                return attribute in ("store", "_store") or self.is_derived(value)
            case ast.Call(func=ast.Name(id="Store")):
                return True
            case ast.Call(func=ast.Name(id=name), args=arguments):
                return name in PATH_TYPES and any(map(self.is_derived, arguments))
            case ast.Call(func=ast.Attribute(value=value)):
                return self.is_derived(value)
            case ast.BinOp(left=left):
                return self.is_derived(left)
        return False

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):  # a docstring
            self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        joined = isinstance(node.op, ast.Add) and _is_text(node.right)
        joined |= isinstance(node.op, ast.Div) and not _is_number(node.right)
        if joined and (self.is_derived(node.left) or _is_place(node.left) or _is_place(node.right)):
            self.found.append(ast.unparse(node))
        else:
            self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        joining = isinstance(node.func, ast.Attribute) and node.func.attr in JOINING
        # str.join also joins lines and lists of words; it builds a path only if it joins with a slash.
        joining &= not (isinstance(node.func, ast.Attribute) and _joins_words(node.func.value))
        constructing = isinstance(node.func, ast.Name) and node.func.id in PATH_TYPES and len(node.args) > 1
        parts = [*node.args, *([node.func.value] if isinstance(node.func, ast.Attribute) else [])]
        if (joining or constructing) and any(self.is_derived(part) or _is_place(part) for part in parts):
            self.found.append(ast.unparse(node))
        else:
            self.generic_visit(node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        for part, following in zip(node.values, node.values[1:], strict=False):
            below = isinstance(following, ast.Constant) and str(following.value).startswith("/")
            if below and isinstance(part, ast.FormattedValue) and self.is_derived(part.value):
                self.found.append(ast.unparse(node))
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str) and (named := NAMED.search(node.value)):
            self.found.append(repr(named.group()))


def _assignments(tree: ast.AST) -> Iterator[tuple[ast.AST, ast.AST]]:
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    pairs = zip(target.elts, value.elts, strict=False) if _are_both_tuples(target, value) else ()
                    yield from pairs or [(target, value)]
            case ast.AnnAssign(target=target, value=ast.expr() as value) | ast.NamedExpr(target=target, value=value):
                yield target, value


def _are_both_tuples(target: ast.AST, value: ast.AST) -> bool:
    return isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _joins_words(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and "/" not in node.value


def _is_number(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and not isinstance(node.value, str)


def _is_place(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.split("/")[0] in PLACES


@pytest.mark.parametrize(
    "line",
    [
        "store.root / name",
        "root = Store(settings.store).root\nroot / 'x'",
        "folder, n = self._store.root.resolve(), 1\nfolder.glob('*')",
        "Path(self.settings.store) / 'x'",
        "Path(settings.store, 'x')",
        "os.path.join(settings.store, 'x')",
        "'/'.join(store.root.parts)",
        "str(store.root) + '/x'",
        "f'{store.root}/x'",
        "runner.store.dagster_home.joinpath('dagster.yaml')",
        "store.database.with_name('other')",
        "def below(folder): return folder / 'quarantine' / name",
        "say(f'raw/{source}/{sha256}')",
        "say('lay the file into inbox/nhs/')",
        "open('published/current/spi.duckdb')",
    ],
)
def test_a_path_below_the_store_is_detected(line: str) -> None:
    assert Finder(line).found


@pytest.mark.parametrize(
    "line",
    [
        "'''tables/<name>/current.json'''",
        "def f():\n    '''raw/<source>'''\n    return 1  # inbox/",
        "store.database.exists()",
        "open(version.path)",
        "places.body(source_id, sha256)",
        "folder / 'runs.db'",
        "f'{ui_url}/runs/{run_id}'",
        "{'dagster/schedule_name': store.published_version()}",
        "'docs/alerts.md'",
        "rows / total",
        "store.database.stat().st_size / 1e6",
        "'\\n'.join(store.damage())",
    ],
)
def test_other_expressions_are_not_reported(line: str) -> None:
    assert Finder(line).found == []


def test_only_storage_forms_or_names_paths_below_the_store() -> None:
    modules = [file for file in sorted(PACKAGE.rglob("*.py")) if "storage" not in file.relative_to(PACKAGE).parts]
    found = {
        f"{file.relative_to(PACKAGE).as_posix()}: {text}"
        for file in modules
        for text in Finder(file.read_text(encoding="utf-8")).found
    }
    assert len(modules) > 100
    assert found - ALLOWED.keys() == set()
    assert ALLOWED.keys() - found == set(), "no longer needed: delete it"
