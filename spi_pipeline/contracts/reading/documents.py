"""Reading YAML so that every fault can name its line.

Plain PyYAML loses positions and lets a repeated key overwrite the earlier one. Here a file becomes a ``Document``: the
data, and the line of every key and list item. This module does not know what the data must look like.
"""

import difflib
import re
import reprlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from spi_pipeline.contracts.errors import NO_FILE, Fault

Path_ = tuple[str | int, ...]
Model = TypeVar("Model", bound=BaseModel)
# The C parser is ten times faster and ships in every wheel. The Python parser is the fallback; tests compare the two.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# A blank in a draft begins with this mark, followed by what a person must fill in.
BLANK = "FILL IN"
# Contracts and frameworks nest seven deep. Nesting that overflows the C stack ends the process: 200 KB of brackets did.
_DEEPEST = 50
# Digits after a 0 are a code: YAML would read 010 as 8, which is the code of another area.
_CODE = re.compile(r"0\d+")
# Values are shortened in messages: an outline with thousands of corners is one string.
_QUOTED = reprlib.Repr()
_QUOTED.maxstring = _QUOTED.maxother = 80
# A date is text, with or without quotation marks, until its key says otherwise.
_TEXT = ("tag:yaml.org,2002:str", "tag:yaml.org,2002:timestamp")


@dataclass
class Document:
    """One YAML file with the line of everything in it.

    Attributes:
        file: path relative to the contracts folder, as shown to people.
        data: the parsed content.
        lines: 1-based line of each key or item, by its path from the root.
    """

    file: str
    data: dict[str, Any] = field(default_factory=dict)
    lines: dict[Path_, int] = field(default_factory=dict)

    def line(self, path: Sequence[str | int]) -> int:
        """The line of a path, or of its nearest ancestor with a known line."""
        key = self._by_position(path)
        while key and key not in self.lines:
            key = key[:-1]
        return self.lines.get(key, 1)

    def fault(self, path: Sequence[str | int], message: str) -> Fault:
        """A fault at a path of this file."""
        return Fault(self.file, self.line(path), message)

    def _by_position(self, path: Sequence[str | int]) -> Path_:
        """The path with names resolved: ``customProperties`` is a list of pairs, but paths name the property."""
        key: Path_ = ()
        data: Any = self.data
        for part in path:
            if isinstance(data, list) and isinstance(part, str):
                indices = (n for n, item in enumerate(data) if isinstance(item, dict) and item.get("property") == part)
                steps: Path_ = (next(indices, len(data)), "value")
            else:
                steps = (part,)
            for step in steps:
                inside = isinstance(data, dict) or (isinstance(data, list) and step in range(len(data)))
                data = (data.get(step) if isinstance(data, dict) else data[step]) if inside else None
                key = (*key, step)
        return key


def read_document(file: Path, shown: str, faults: list[Fault]) -> Document | None:
    """Read one YAML file.

    Args:
        file: the file.
        shown: its name in messages.
        faults: receives syntax errors and repeated keys.

    Returns:
        The document, or None if it cannot be read as a mapping of keys to values.
    """
    try:
        return parse_document(file.read_text(encoding="utf-8"), shown, faults)
    except FileNotFoundError:
        faults.append(Fault(shown, 0, NO_FILE))
    except OSError as error:
        faults.append(Fault(shown, 0, f"the file cannot be read: {error.strerror or error}"))
    except UnicodeDecodeError as error:
        faults.append(Fault(shown, 0, f"is not UTF-8 text (byte {error.start}); save it as UTF-8"))
    return None


def parse_document(text: str, shown: str, faults: list[Fault]) -> Document | None:
    """Read a YAML text in the same way as ``read_document`` reads a file."""
    try:
        if line := _too_deep(text):
            message = f"lists and mappings are nested more than {_DEEPEST} deep; flatten them"
            faults.append(Fault(shown, line, message))
            return None
        root = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "cannot be parsed"
        faults.append(Fault(shown, mark.line + 1 if mark else 0, f"is not valid YAML: {problem}"))
    else:
        if isinstance(root, yaml.MappingNode):
            return _Builder(shown, faults).document(root)
        faults.append(Fault(shown, 1, "the file holds no mapping of keys to values"))
    return None


def _too_deep(text: str) -> int:
    """The line at which lists and mappings are nested too deep; 0 if there is none.

    Raises:
        yaml.YAMLError: the text is not YAML.
    """
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            return 1 + (event.start_mark.line if event.start_mark else 0)
    return 0


class _Builder:
    """Turns the nodes of one YAML file into data, noting the line of each."""

    def __init__(self, shown: str, faults: list[Fault]) -> None:
        self.built = Document(shown)
        self.faults = faults
        self.constructor = yaml.constructor.SafeConstructor()
        self.seen: set[int] = set()
        self.readable = True

    def document(self, root: yaml.MappingNode) -> Document | None:
        """The document, or None if a part of it could not be read, so that no part is also reported as missing."""
        self.built.data = self._mapping(root, ())
        return self.built if self.readable else None

    def _unreadable(self, node: Any, message: str) -> None:
        self.readable = False
        self._fault(node, message)

    def _fault(self, node: Any, message: str) -> None:
        self.faults.append(Fault(self.built.file, node.start_mark.line + 1, message))

    def _value(self, node: Any, path: Path_, key: Any) -> Any:
        self.built.lines[path] = key.start_mark.line + 1
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        if id(node) in self.seen:
            self._unreadable(
                key, "another part is repeated here by an alias; write it out, so that each line stands alone"
            )
            return None
        self.seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        return [self._value(item, (*path, index), item) for index, item in enumerate(node.value)]

    def _mapping(self, node: yaml.MappingNode, path: Path_) -> dict[str, Any]:
        built: dict[str, Any] = {}
        for key, value in node.value:
            name = self._scalar(key) if isinstance(key, yaml.ScalarNode) else None
            if not isinstance(name, str | int):
                self._unreadable(key, "a key here is neither a word nor a number; put it in quotation marks")
                continue
            if name in built:
                self._fault(key, f"the key {name!r} appears twice; keep one of them")
            built[name] = self._value(value, (*path, name), key)  # type: ignore[index]
        return built

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        if node.value.startswith(BLANK):
            wanted = node.value.removeprefix(BLANK).lstrip(": ") or "what belongs here"
            self._unreadable(node, f"is left blank: write in place of {BLANK} {wanted}")
            return None
        if node.tag in _TEXT or _CODE.fullmatch(node.value):
            return node.value
        try:
            return self.constructor.construct_object(node)
        except (yaml.YAMLError, ValueError, LookupError) as error:  # LookupError from !!int "" and !!bool perhaps
            reason = getattr(error, "problem", None) or error
            message = f"{reprlib.repr(node.value)} cannot be read ({reason}); put it in quotation marks if it is text"
            self._unreadable(node, message)
            return None


def validate(
    model: type[Model],
    document: Document,
    data: Any,
    path: Sequence[str | int],
    faults: list[Fault],
    about: str = "",
    *,
    lenient: bool = False,
) -> Model | None:
    """Build a model from part of a document; everything wrong becomes a fault with its line.

    Args:
        model: the model of the part. A key that the model does not know, at any depth, is a fault, unless the model
            allows any key.
        document: the document that holds the part.
        data: the part.
        path: its path from the document's root.
        faults: receives every fault.
        about: the beginning of every message, such as ``rule row_count: ``.
        lenient: whether the model itself ignores unknown keys, as models of other projects do; they are faults anyway.

    Returns:
        The model, or None if there were faults.
    """
    built, error = None, None
    try:
        built = model.model_validate(data)
    except ValidationError as refused:
        error = refused
    before = len(faults)
    # The schema, which lists the known keys, takes time to build.
    if error or lenient:
        schema = _schema(model)
        for place, known in _unknown_keys(schema, schema, data, ()):
            sentence = unknown(place[-1], "key of this part", known)
            faults.append(document.fault((*path, *place), about + _with_place(data, place[:-1], sentence)))
    for detail in error.errors() if error else ():
        _forget_frames(detail.get("ctx", {}).get("error"))
        if detail["type"] not in ("extra_forbidden", "invalid_key"):  # reported above, with the allowed keys
            place = detail["loc"]
            faults.append(document.fault((*path, *place), about + _with_place(data, place, _sentence(detail))))
    return built if len(faults) == before else None


def _forget_frames(raised: BaseException | None) -> None:
    """Drop the frames of a validator's exception, which pydantic retains as long as the process lives.

    If they hold a DuckDB connection, it writes forty lines about leaks when the command ends.
    """
    while raised is not None:
        raised.__traceback__, raised = None, raised.__context__


def unknown(found: object, what: str, known: Iterable[str]) -> str:
    """The sentence that refuses a word: ``'percnt' is not a unit; nearest is 'percent', allowed are percent, rank``."""
    words = sorted(known)
    match = difflib.get_close_matches(str(found), words, n=1)
    nearest = f"nearest is {match[0]!r}, " if match else ""
    article = "an" if what[0] in "aeio" else "a"
    return f"{found!r} is not {article} {what}; {nearest}allowed are {', '.join(words) or 'none'}"


def _sentence(detail: Any) -> str:
    value, context = detail["input"], detail.get("ctx", {})
    if detail["type"] == "missing":
        return "is missing"
    if detail["type"] == "literal_error":
        words = [word.strip(" '") for word in context["expected"].replace(" or ", ",").split(",")]
        return unknown(value, "value of this key", words)
    message = str(context["error"]) if detail["type"] == "value_error" else detail["msg"]
    message = message[:1].lower() + message[1:]
    return message if isinstance(value, dict | list) else f"{_QUOTED.repr(value)} is refused, {message}"


def _with_place(data: Any, path: Sequence[str | int], sentence: str) -> str:
    """The sentence, preceded by the path in the words of the file."""
    place = ".".join(_shown(data, path))
    joint = " " if sentence == "is missing" else ": "
    return f"{place}{joint}{sentence}" if place else sentence


def _shown(data: Any, path: Sequence[str | int]) -> Iterator[str]:
    """The parts of a path as shown to people: list items by their id or name if they have one, else counted from 1."""
    for part in path:
        if part == "[key]":  # pydantic's mark that it means the key, not the value
            continue
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            data = None
        item = data if isinstance(data, dict) else {}
        name = next((item[key] for key in ("id", "name", "code", "property") if isinstance(item.get(key), str)), None)
        yield part if isinstance(part, str) else name or str(part + 1)


@lru_cache
def _schema(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema()


def _unknown_keys(
    schema: dict[str, Any], root: dict[str, Any], data: Any, path: Path_
) -> Iterator[tuple[Path_, list[str]]]:
    """Every key that the model's JSON schema does not know, with the keys it knows."""
    if isinstance(data, list):
        items = _resolved(schema, root, "array").get("items", {})
        for index, item in enumerate(data):
            yield from _unknown_keys(items, root, item, (*path, index))
    elif isinstance(data, dict):
        schema = _resolved(schema, root, "object")
        properties, others = (
            schema.get("properties", {}),
            schema.get("additionalProperties", not schema.get("properties")),
        )
        for key, value in data.items():
            if key in properties or others:
                further = properties.get(key, others)
                yield from _unknown_keys(further if isinstance(further, dict) else {}, root, value, (*path, key))
            else:
                yield (*path, key), list(properties)


def _resolved(schema: dict[str, Any], root: dict[str, Any], kind: str) -> dict[str, Any]:
    """The part of a JSON schema for the kind ``object`` or ``array``: follows references and chooses alternatives."""
    if "$ref" in schema:
        return _resolved(root["$defs"][schema["$ref"].rsplit("/", 1)[-1]], root, kind)
    options = [_resolved(option, root, kind) for option in schema.get("anyOf", [])]
    return next((option for option in options if option.get("type") == kind), schema)
