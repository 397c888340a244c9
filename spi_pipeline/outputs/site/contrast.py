"""Text and what it stands on, as a stylesheet has them: the contrast of each pair."""

from __future__ import annotations

import re
from collections.abc import Iterator

from spi_pipeline.contracts.models.publication import PALE, WHITE, contrast
from spi_pipeline.outputs.site.drawing import CLASSES


def contrasts(css: str) -> dict[str, float]:
    """The contrast ratio (WCAG 2.2) of each colour of text to its ground, by the rule that states it.

    A rule that states no ground of its own is held against both grounds there are, and labels of a map against the
    class of colours that they stand on.

    Args:
        css: a stylesheet that names its colours as custom properties.
    """
    css = re.sub(r"/\*.*?\*/", "", css, flags=re.S)
    # The last word on a name is the council's.
    named = {name: _long(digits) for name, digits in re.findall(r"--([\w-]+):\s*(#[0-9a-fA-F]{3,6})", css)}
    found, labels = {}, dict[int, str]()
    for selector, told in _rules(css):
        colour, ground = (_colour(told.get(name, ""), named) for name in ("color", "background"))
        ground = ground or _colour(told.get("background-color", ""), named)
        places = re.findall(r"\.t(\d)", selector)
        if colour and re.fullmatch(r"(?:\.t\d(?:, )?)+", selector):
            labels |= {int(place): colour for place in places}
        elif colour:
            for under in [ground] if ground else [WHITE, PALE]:
                found[f"{selector} on {under}"] = contrast(colour, under)
    for place, ground in enumerate(CLASSES):
        found[f"a label on class {place}"] = contrast(labels[place], ground)
    return found


def _rules(css: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Selector and declarations of each rule, also of those inside media queries."""
    for selector, body in re.findall(r"([^{}]+)\{([^{}]*)\}", css):
        pairs = (declaration.partition(":") for declaration in body.split(";") if ":" in declaration)
        yield " ".join(selector.split()), {name.strip(): value.strip() for name, _, value in pairs}


def _colour(value: str, named: dict[str, str]) -> str | None:
    """The colour that a declaration sets."""
    found = re.search(r"var\(--([\w-]+)\)|(#[0-9a-fA-F]{3,6})\b", value)
    return (named.get(found.group(1)) if found.group(1) else _long(found.group(2))) if found else None


def _long(digits: str) -> str:
    """``#rrggbb`` of ``#rgb``."""
    return digits if len(digits) == 7 else "#" + "".join(digit * 2 for digit in digits[1:])
