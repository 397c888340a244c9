"""The code that a function reaches, by import and by name, as a digest of syntax trees.

A function reaches the names it mentions: functions, classes and constants of its own module, and names that the module
or the function imports from our other modules. A class is reached as a whole. Comments, docstrings and layout do not
count. This analysis would miss code reached through an object whose class is not named anywhere, or through a registry
that modules fill on import. The package therefore has neither, and a test runs every kind of step under a profiler to
verify that each function of ours that was entered is in the digest of its step.
"""

import ast
import hashlib
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

_PACKAGE = "spi_pipeline"
_ROOT = Path(__file__).parents[1]
# A module and a name in it; the empty name stands for the statements that the module executes on import.
Place = tuple[str, str]


class _Module(NamedTuple):
    """One module: the statements that define each of its names (those that define none under ""), and its imports."""

    definitions: dict[str, list[ast.stmt]]
    imports: dict[str, Place]


class Code:
    """Digests of code, cached as long as none of our source files changes: computing them takes a second.

    Args:
        cached: the property ``cached`` of an earlier process; any other value is ignored.
    """

    def __init__(self, cached: Mapping[str, Any]) -> None:
        self._source = _source_digest()
        known = cached.get("digests") if cached.get("source") == self._source else None
        self._known: dict[str, str] = dict(known or {})

    @property
    def cached(self) -> dict[str, Any]:
        """The digests to cache, as plain values."""
        return {"source": self._source, "digests": self._known}

    def digest(self, functions: Iterable[Callable[..., Any]], without: str = "") -> str:
        """A digest of all our code that some functions reach.

        Args:
            functions: the functions.
            without: one of our packages to leave out, together with code reached only through it.
        """
        places = [_place(function) for function in functions]
        key = " ".join([*(".".join(place) for place in places), without])
        if key not in self._known:
            digest = hashlib.sha256()
            for module, name in sorted(set().union(*(_reached(place, without) for place in places))):
                digest.update(f"{module}.{name} {_read(module, name)[0]}\n".encode())
            self._known[key] = digest.hexdigest()
        return self._known[key]


def code_reached(functions: Iterable[Callable[..., Any]]) -> frozenset[Place]:
    """The places that some functions reach."""
    return frozenset[Place]().union(*(_reached(_place(function)) for function in functions))


def _source_digest() -> str:
    """A digest of all our source files."""
    digest = hashlib.sha256(sys.version.encode())
    for file in sorted(_ROOT.rglob("*.py")):
        digest.update(f"{file.relative_to(_ROOT)} ".encode() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


@cache
def _reached(start: Place, without: str = "") -> frozenset[Place]:
    """Every place that a place reaches, including itself, except those in the package to leave out."""
    places: set[Place] = set()
    waiting = {start}
    while waiting:
        place = waiting.pop()
        if not (without and place[0].startswith(without)):
            places.add(place)
            waiting |= _read(*place)[1] - places
    return frozenset(places)


def _place(function: Callable[..., Any]) -> Place:
    """The place of a function: for a method its class, for a partial the function that it calls."""
    while isinstance(function, partial):
        function = function.func
    owner = function if hasattr(function, "__qualname__") else type(function)
    return owner.__module__, owner.__qualname__.split(".")[0]


@cache
def _read(module: str, name: str) -> tuple[str, frozenset[Place]]:
    """The digest of the definition of a name, and the places it mentions."""
    known = _module(module)
    if name in known.imports:
        return "", frozenset(_resolved(known.imports[name]))
    nodes: list[ast.AST] = []
    words: list[str] = []
    _spell(known.definitions.get(name, []), words, nodes)
    mentioned = set(_mentions(module, nodes, known.imports | _imports(nodes)))
    digest = hashlib.sha256(" ".join(words).encode()).hexdigest()
    return digest, frozenset(mentioned | {(module, "")} if name else mentioned)


def _spell(value: Any, words: list[str], nodes: list[ast.AST]) -> None:
    """Collect a definition's nodes, and its words without docstrings: faster than ``ast.walk`` and ``ast.dump``."""
    if isinstance(value, ast.AST):
        nodes.append(value)
        words.append(value.__class__.__name__)
        for field in value._fields:
            _spell(getattr(value, field, None), words, nodes)
    elif isinstance(value, list):
        words.append("[")
        for each in value:
            if not _is_text(each):
                _spell(each, words, nodes)
        words.append("]")
    else:
        words.append(repr(value))


def _mentions(module: str, nodes: Iterable[ast.AST], imports: Mapping[str, Place]) -> Iterator[Place]:
    own = _module(module).definitions
    for node in nodes:
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in imports:
            yield from _resolved(imports[node.value.id], node.attr)
        elif isinstance(node, ast.Name):
            if node.id in imports:
                yield from _resolved(imports[node.id])
            elif node.id in own:
                yield (module, node.id)


def _resolved(place: Place, attribute: str = "") -> Iterator[Place]:
    """The place that an import leads to: a name of a module or, for an imported module, an attribute of it."""
    module, name = place
    whole = f"{module}.{name}" if name else module
    if _file(whole) is not None:
        # If the module itself is passed on, only the statements that it executes on import are known to be reached.
        known = _module(whole)
        yield (whole, attribute if attribute in known.definitions or attribute in known.imports else "")
    elif _file(module) is not None:
        yield (module, name)


@cache
def _module(module: str) -> _Module:
    file = _file(module)
    body = list(_flat(ast.parse(file.read_bytes()).body)) if file else []
    definitions: dict[str, list[ast.stmt]] = {}
    for node in body:
        if not isinstance(node, ast.Import | ast.ImportFrom) and not _is_text(node):
            for name in _defined(node) or [""]:
                definitions.setdefault(name, []).append(node)
    return _Module(definitions, _imports(body))


def _flat(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements of a module, including those under ``if`` and ``try``, since imports for types are under an ``if``."""
    for node in body:
        if isinstance(node, ast.If | ast.Try):
            handled = [each for handler in getattr(node, "handlers", ()) for each in handler.body]
            yield from _flat([*node.body, *handled, *node.orelse])
        else:
            yield node


def _defined(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return [each.id for target in targets if target for each in ast.walk(target) if isinstance(each, ast.Name)]


def _imports(nodes: Iterable[ast.AST]) -> dict[str, Place]:
    """The names that statements import from our modules, with their places."""
    imports: dict[str, Place] = {}
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            imports |= {each.asname or each.name: (node.module or "", each.name) for each in node.names}
        elif isinstance(node, ast.Import):
            imports |= {each.asname or each.name: (each.name, "") for each in node.names}
    return {name: place for name, place in imports.items() if place[0].split(".")[0] == _PACKAGE}


@cache
def _file(module: str) -> Path | None:
    """The file of one of our modules; None for any other name."""
    head, *rest = module.split(".")
    path = _ROOT.joinpath(*rest)
    files = (path.with_suffix(".py"), path / "__init__.py") if rest and head == _PACKAGE else ()
    return next(filter(Path.is_file, files), None)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
