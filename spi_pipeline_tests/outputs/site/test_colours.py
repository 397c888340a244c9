"""Colours that everybody can tell apart: text on its background, and the five classes for each kind of vision."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pytest
from colorspacious import cspace_convert, deltaE

from spi_pipeline.outputs.site.build import STATIC
from spi_pipeline.outputs.site.drawing import CLASSES

CSS = re.sub(r"/\*.*?\*/", "", "".join(file.read_text("utf-8") for file in sorted(STATIC.glob("*.css"))), flags=re.S)
NAMED = dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{3,6})", CSS))
TEXT, GRAPHIC = 4.5, 3.0
# In CAM02-UCS, 1 is just visible; the usual red, amber and green are 7 apart for one man in a hundred.
APART = 20
VISION = {"all cones": None, "no green": "deuteranomaly", "no red": "protanomaly", "no blue": "tritanomaly"}


def rgb(colour: str) -> list[int]:
    digits = NAMED.get(colour, colour).removeprefix("#")
    digits = "".join(digit * 2 for digit in digits) if len(digits) == 3 else digits
    return [int(digits[place : place + 2], 16) for place in (0, 2, 4)]


def contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG 2."""

    def luminance(colour: str) -> float:
        parts = [part / 255 for part in rgb(colour)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return float(np.dot([0.2126, 0.7152, 0.0722], linear))

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def rules() -> Iterator[tuple[str, dict[str, str]]]:
    """Selector and declarations of each rule, including those inside media queries."""
    for selector, body in re.findall(r"([^{}]+)\{([^{}]*)\}", CSS):
        pairs = (declaration.partition(":") for declaration in body.split(";") if ":" in declaration)
        yield " ".join(selector.split()), {name.strip(): value.strip() for name, _, value in pairs}


def colour_in(value: str) -> str | None:
    """The colour that a declaration sets, as a name or as digits."""
    colours = re.search(r"var\(--([\w-]+)\)|(#[0-9a-f]{3,6})\b", value)
    return (colours.group(1) or colours.group(2)) if colours else None


def pairs() -> dict[str, tuple[str, str]]:
    """Colours of text and background by rule; a rule without a background is paired with both that exist."""
    colours = {}
    for selector, declarations in rules():
        colour = colour_in(declarations.get("color", ""))
        ground = colour_in(declarations.get("background", declarations.get("background-color", "")))
        if colour and not re.fullmatch(r"(?:\.t\d(?:, )?)+", selector):
            for behind in [ground] if ground else ["#fff", "pale"]:
                colours[f"{selector} on {behind}"] = (colour, behind)
    for place in range(len(CLASSES)):
        (text,) = (
            colour_in(declarations["color"])
            for selector, declarations in rules()
            if f".t{place}" in selector.split(", ")
        )
        colours[f"a label on class {place}"] = (text, f"c{place}")
    return colours


@pytest.mark.parametrize("where", pairs())
def test_text_has_enough_contrast(where: str) -> None:
    assert contrast(*pairs()[where]) >= TEXT


def test_focus_marks_and_field_borders_have_enough_contrast() -> None:
    for colour in ("ink", "c4", "#6f777b"):
        assert contrast(colour, "#fff") >= GRAPHIC
        assert contrast(colour, "pale") >= GRAPHIC
    assert contrast("ink", "focus") >= GRAPHIC


@pytest.mark.parametrize("vision", VISION)
def test_the_five_classes_are_distinguishable(vision: str) -> None:
    def seen(colour: str) -> np.ndarray:
        plain = np.array(rgb(colour)) / 255
        if VISION[vision] is None:
            return plain
        space = {"name": "sRGB1+CVD", "cvd_type": VISION[vision], "severity": 100}
        return np.clip(cspace_convert(plain, space, "sRGB1"), 0, 1)

    assert [NAMED[f"c{place}"] for place in range(len(CLASSES))] == list(CLASSES)
    for one, other in combinations(CLASSES, 2):
        assert deltaE(seen(one), seen(other), input_space="sRGB1") >= APART, (one, other)


def test_contrast_by_known_pairs() -> None:
    assert contrast("#fff", "#fff") == 1
    assert contrast("#000", "#fff") == pytest.approx(21)
    assert contrast("#777", "#fff") < TEXT
