"""Checks of a framework's entries key by key, even where its tree has faults.

This module decides which entries each key allows; ``recipe`` decides which settings hold for which element.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any, TypeGuard

from spi_pipeline.engine.framework.bounds import read_bound
from spi_pipeline.engine.framework.faults import Faults, Place, quoted, suggestion
from spi_pipeline.engine.framework.methods import BY_LEVEL, CHOICES, FLAGS, METHODS, NUMERIC, RANK_TIES, SHARES, WHOLE
from spi_pipeline.engine.framework.profiles import PLAIN, PROFILES
from spi_pipeline.engine.framework.structure import check_words
from spi_pipeline.engine.normalise.outliers import Limits

FRAMEWORK_KEYS = ("title", "description", "profile", "levels", "elements", *PLAIN)
WORDS = ("missing", "scores", "rank_first", "ties", "wholes", "counts")


def check_entries(framework: Mapping[str, Any], profile: str | None, faults: Faults) -> None:
    """Append the faults of all entries for the framework, its levels and its elements.

    Args:
        framework: the mapping as read from YAML.
        profile: a profile to use in place of the one the framework names.
        faults: faults found so far.
    """
    name = profile or framework.get("profile")
    if name is not None and name not in list(PROFILES):
        faults.add(("framework", "profile"), f"there is no profile {quoted(name)}: {suggestion(name, PROFILES)}")
    check_words(framework, ("framework",), faults)
    for key in framework:
        if key not in FRAMEWORK_KEYS:
            faults.add(
                ("framework", key), f"{quoted(key)} is not a key of a framework: {suggestion(key, FRAMEWORK_KEYS)}"
            )
    for place, key, declared in _entries(framework):
        _check(key, declared, place, faults)


def by_level(declared: Any, key: str) -> TypeGuard[Mapping[str, Any]]:
    """Whether a setting is declared level by level, and not for all levels at once."""
    return key in BY_LEVEL and isinstance(declared, Mapping) and "method" not in declared


def _entries(framework: Mapping[str, Any]) -> Iterator[tuple[Place, str, Any]]:
    """Every entry with its place and key; blank keys are skipped."""
    for key in PLAIN:
        declared = framework.get(key)
        if by_level(declared, key):
            yield from ((("framework", key, label), key, one) for label, one in declared.items() if one is not None)
        elif declared is not None:
            yield ("framework", key), key, declared
    listed = framework.get("elements")
    for position, element in enumerate(listed if isinstance(listed, list) else []):
        if isinstance(element, Mapping):
            for key in (*PLAIN, "transform"):
                if element.get(key) is not None:
                    yield ("framework", "elements", position, key), key, element[key]


def _check(key: str, declared: Any, place: Place, faults: Faults) -> None:
    if key in METHODS:
        _check_spec(key, declared, place, faults)
    elif key in WORDS:
        if declared not in CHOICES[key]:
            faults.add(place, f"{key} is {quoted(declared)}: use {' or '.join(CHOICES[key])}")
    elif key == "treat":
        _check_treat(declared, place, faults)
    elif key == "shrink":
        if not isinstance(declared, bool):
            faults.add(place, f"{key} is {quoted(declared)}: write true or false")
    elif key == "decimals":
        if isinstance(declared, bool) or not (isinstance(declared, int) and 0 <= declared <= 15):
            faults.add(place, f"decimals are {quoted(declared)}: give a whole number from 0 to 15")
    elif key == "outside":
        if not isinstance(declared, list):
            faults.add(place, f"outside is {quoted(declared)}: list the codes of areas, as in [WLD]")
    elif key in ("at_least", "at_most"):
        read_bound(declared, place, key, faults)
    elif key == "available_count":
        if isinstance(declared, bool) or not (isinstance(declared, int) and declared >= 1):
            faults.add(place, f"available_count is {quoted(declared)}: give a whole number of 1 or more")
    elif key in ("available", "minimum_count", "floor", "scale"):
        _check_number(key, declared, place, faults)


def _check_number(key: str, declared: Any, place: Place, faults: Faults) -> None:
    value = faults.number(declared, place, key)
    if value is None:
        return
    if key == "available" and not 0 <= value <= 1:
        faults.add(place, f"available is {value:g}: it is a share from 0 to 1")
    elif value < 0 or (key == "scale" and value == 0):
        faults.add(place, f"{key} is {value:g}: give a number {'above 0' if key == 'scale' else 'of 0 or more'}")


def _check_treat(declared: Any, place: Place, faults: Faults) -> None:
    if isinstance(declared, bool):
        return
    options = dict(declared) if isinstance(declared, Mapping) else {"": declared}
    known = {one.name for one in fields(Limits)}
    for option, value in options.items():
        if option not in known or (option == "log") != isinstance(value, bool):
            faults.add(place, f"treat has {quoted(option or value)}: write true, false, or any of skew, kurtosis and "
                       "points as numbers and log as true or false")  # fmt: skip
        elif option != "log":
            faults.number(value, place, f"{option} of treat")


def _check_spec(key: str, declared: Any, place: Place, faults: Faults) -> None:
    options = dict(declared) if isinstance(declared, Mapping) else {"method": declared}
    allowed = METHODS[key]
    if "method" not in options:
        faults.add(place, f"'{key}' names no method: use {', '.join(allowed)}, as in {{method: {next(iter(allowed))}}}")
        return
    method = str(options.pop("method"))
    if method not in allowed:
        faults.add(place, f"{quoted(method)} is not a method of '{key}': {suggestion(method, allowed)}")
        return
    for option, value in options.items():
        if option not in allowed[method]:
            known = f"it takes {', '.join(sorted(allowed[method]))}" if allowed[method] else "it takes none"
            faults.add(place, f"{quoted(option)} is not an option of {key} {method}: {known}")
        else:
            _check_option(f"{option} of {key} {method}", option, value, key, place, faults)


def _check_option(what: str, option: str, value: Any, key: str, place: Place, faults: Faults) -> None:
    if option in FLAGS:
        if not isinstance(value, bool):
            faults.add(place, f"{what} is {quoted(value)}: write true or false")
    elif option == "ties":
        if value not in RANK_TIES:
            faults.add(place, f"{what} are {quoted(value)}: use {', '.join(RANK_TIES)}")
    elif option in ("without", "sign"):
        if value not in CHOICES[option]:
            faults.add(place, f"{what} is {quoted(value)}: use {' or '.join(CHOICES[option])}")
    elif option in NUMERIC and not (key == "weights" and option == "sd"):
        number = faults.number(value, place, what)
        if number is None:
            return
        if option in WHOLE and (number != round(number) or number < WHOLE[option][0] or number > WHOLE[option][1]):
            faults.add(place, f"{what} is {number:g}: give a whole number from {WHOLE[option][0]} on"
                       if WHOLE[option][1] > 1 else f"{what} is {number:g}: write 0 or 1")  # fmt: skip
        elif option in SHARES and not 0 <= number <= 1:
            faults.add(place, f"{what} is {number:g}: it is a share from 0 to 1")
