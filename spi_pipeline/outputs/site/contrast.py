"""The contrast of each pair of text and background colours in a stylesheet."""

from __future__ import annotations

import re
from collections.abc import Iterator

from spi_pipeline.contracts.models.publication import PALE, WHITE, contrast
from spi_pipeline.outputs.site.drawing import CLASSES


def contrasts(css: str) -> dict[str, float]:
    """The contrast ratio (WCAG 2.2) of each text colour to its background, by the rule that sets it.

    A rule without a background of its own is checked against both backgrounds of the site, and labels of a map against
    the class colours that they stand on.

    Args:
        css: a stylesheet that names its colours as custom properties.
    """
    css = re.sub(r"/\*.*?\*/", "", css, flags=re.S)
    # The last definition of a name is the council's, so it wins.
    named = {name: _long(digits) for name, digits in re.findall(r"--([\w-]+):\s*(#[0-9a-fA-F]{3,6})", css)}
    ratios, labels = {}, dict[int, str]()
    for selector, declarations in _rules(css):
        colour, ground = (_colour(declarations.get(name, ""), named) for name in ("color", "background"))
        ground = ground or _colour(declarations.get("background-color", ""), named)
        places = re.findall(r"\.t(\d)", selector)
        if colour and re.fullmatch(r"(?:\.t\d(?:, )?)+", selector):
            labels |= {int(place): colour for place in places}
        elif colour:
            for under in [ground] if ground else [WHITE, PALE]:
                ratios[f"{selector} on {under}"] = contrast(colour, under)
    for place, ground in enumerate(CLASSES):
        ratios[f"a label on class {place}"] = contrast(labels[place], ground)
    return ratios


def _rules(css: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The selector and declarations of each rule, including those inside media queries."""
    for selector, body in re.findall(r"([^{}]+)\{([^{}]*)\}", css):
        pairs = (declaration.partition(":") for declaration in body.split(";") if ":" in declaration)
        yield " ".join(selector.split()), {name.strip(): value.strip() for name, _, value in pairs}


def _colour(value: str, named: dict[str, str]) -> str | None:
    """The colour that a declaration sets, if any."""
    match = re.search(r"var\(--([\w-]+)\)|(#[0-9a-fA-F]{3,6})\b", value)
    return (named.get(match.group(1)) if match.group(1) else _long(match.group(2))) if match else None


def _long(digits: str) -> str:
    """``#rrggbb`` of ``#rgb``."""
    return digits if len(digits) == 7 else "#" + "".join(digit * 2 for digit in digits[1:])
