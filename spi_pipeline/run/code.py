"""The code that a function reaches, by import and by name, as a digest of syntax trees.

A function reaches the names it mentions: functions, classes and constants of its own module, and what that module or
the function imports from other modules of ours. A class is reached whole. Comments, docstrings and layout do not
count. What is reached through an object whose class is not named anywhere, or through a registry that modules fill when
they are imported, would be missed: so there is none of either, and a test that runs every kind of step under a profiler
holds that each function of ours that was entered is in the digest of its step.
"""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

_PACKAGE = "spi_pipeline"
_ROOT = Path(__file__).parents[1]
# A module and a name in it; no name is what the module does when it is imported.
Place = tuple[str, str]


@dataclass(frozen=True)
class _Module:
    """One module: what defines each of its names, where imported names come from, and statements that define none."""

    definitions: dict[str, tuple[ast.stmt, ...]]
    imports: dict[str, Place]
    statements: tuple[ast.stmt, ...]


class Code:
    """Digests of code, remembered for as long as no source file of ours changes: working them out takes a second.

    Args:
        remembered: what ``remembered`` returned in an earlier process; anything else is of no use and does no harm.
    """

    def __init__(self, remembered: Mapping[str, Any]) -> None:
        self._source = _source_digest()
        known = remembered.get("digests") if remembered.get("source") == self._source else None
        self._known: dict[str, str] = dict(known or {})

    @property
    def remembered(self) -> dict[str, Any]:
        """What to remember, as plain values."""
        return {"source": self._source, "digests": self._known}

    def digest(self, functions: Iterable[Callable[..., Any]], without: str = "") -> str:
        """A digest of everything of ours that some functions reach.

        Args:
            functions: the functions.
            without: a package of ours that is left out, with what is reached through it alone.
        """
        places = [_place(function) for function in functions]
        key = " ".join([*(".".join(place) for place in places), without])
        if key not in self._known:
            digest = hashlib.sha256()
            for module, name in sorted(set().union(*(reached(*place, without) for place in places))):
                digest.update(f"{module}.{name} {_digest(module, name)}\n".encode())
            self._known[key] = digest.hexdigest()
        return self._known[key]


def code_reached(functions: Iterable[Callable[..., Any]]) -> frozenset[Place]:
    """The places that some functions reach."""
    return frozenset[Place]().union(*(reached(*_place(function)) for function in functions))


def _source_digest() -> str:
    """A digest of every source file of ours."""
    digest = hashlib.sha256(sys.version.encode())
    for file in sorted(_ROOT.rglob("*.py")):
        digest.update(f"{file.relative_to(_ROOT)} ".encode() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


@cache
def reached(module: str, name: str, without: str = "") -> frozenset[Place]:
    """Every place that a place reaches, itself among them; none of a package that is left out."""
    found: set[Place] = set()
    waiting = [(module, name)]
    while waiting:
        place = waiting.pop()
        if place not in found and not (without and place[0].startswith(without)):
            found.add(place)
            waiting += _mentioned(*place)
    return frozenset(found)


def _place(function: Callable[..., Any]) -> Place:
    """Where a function stands: of a method its class, of a partial the function it calls."""
    while isinstance(function, partial):
        function = function.func
    owner = function if hasattr(function, "__qualname__") else type(function)
    return owner.__module__, owner.__qualname__.split(".")[0]


@cache
def _mentioned(module: str, name: str) -> tuple[Place, ...]:
    """The places that the definition of a name mentions."""
    return tuple(_mentions(module, name))


def _mentions(module: str, name: str) -> Iterator[Place]:
    known = _module(module)
    if name in known.imports:
        yield from _resolved(known.imports[name])
        return
    tops = known.definitions.get(name, ()) if name else known.statements
    nodes = [node for top in tops for node in ast.walk(top)]
    imports = known.imports | _imports(nodes)
    if name:
        yield (module, "")
    for node in nodes:
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in imports:
            yield from _resolved(imports[node.value.id], node.attr)
        elif isinstance(node, ast.Name):
            if node.id in imports:
                yield from _resolved(imports[node.id])
            elif node.id in known.definitions:
                yield (module, node.id)


def _resolved(place: Place, attribute: str = "") -> Iterator[Place]:
    """Where an import leads: to a name of a module or, where a module was imported, to an attribute of it."""
    module, name = place
    whole = f"{module}.{name}" if name else module
    if _file(whole) is not None:
        # Of a module that is handed on whole only what it does on import is known to be reached.
        yield (whole, attribute if attribute in _names(whole) else "")
    elif _file(module) is not None:
        yield (module, name)


def _names(module: str) -> set[str]:
    known = _module(module)
    return {*known.definitions, *known.imports}


@cache
def _module(module: str) -> _Module:
    file = _file(module)
    tree = ast.parse(file.read_bytes()) if file else ast.Module([], [])
    definitions: dict[str, tuple[ast.stmt, ...]] = {}
    statements: list[ast.stmt] = []
    body = list(_flat(tree.body))
    for node in body:
        names = _defined(node)
        for name in names:
            definitions[name] = (*definitions.get(name, ()), node)
        if not names and not isinstance(node, ast.Import | ast.ImportFrom) and not _is_text(node):
            statements.append(node)
    return _Module(definitions, _imports(body), tuple(statements))


def _flat(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements of a module, those under ``if`` and ``try`` too: types are imported under one."""
    for node in body:
        if isinstance(node, ast.If):
            yield from _flat([*node.body, *node.orelse])
        elif isinstance(node, ast.Try):
            yield from _flat([*node.body, *(each for h in node.handlers for each in h.body), *node.orelse])
        else:
            yield node


def _defined(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return [each.id for target in targets if target for each in ast.walk(target) if isinstance(each, ast.Name)]


def _imports(nodes: Iterable[ast.AST]) -> dict[str, Place]:
    """The names that statements import from modules of ours, and where from."""
    found: dict[str, Place] = {}
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == _PACKAGE:
            found |= {each.asname or each.name: (node.module or "", each.name) for each in node.names}
        elif isinstance(node, ast.Import):
            ours = [each for each in node.names if each.name.split(".")[0] == _PACKAGE]
            found |= {each.asname or each.name: (each.name, "") for each in ours}
    return found


def _file(module: str) -> Path | None:
    """The file of a module of ours; None for any other name."""
    head, *rest = module.split(".")
    if head != _PACKAGE:
        return None
    path = _ROOT.joinpath(*rest)
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if rest and file.is_file()), None)


@cache
def _digest(module: str, name: str) -> str:
    known = _module(module)
    nodes = known.definitions.get(name, ()) if name else known.statements
    return hashlib.sha256("\n".join(ast.dump(_bare(node)) for node in nodes).encode()).hexdigest()


def _bare(top: ast.stmt) -> ast.stmt:
    """A definition without docstrings; the tree is ours alone, so it is changed in place."""
    for node in ast.walk(top):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [each for each in body if not _is_text(each)]  # type: ignore[attr-defined]
    return top


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
