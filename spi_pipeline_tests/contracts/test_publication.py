"""Faults in the appearance and contact of the site: illegible colours, a missing logo, an unusable contact."""

from __future__ import annotations

from pathlib import Path

import pytest

from spi_pipeline.contracts.loader import load_contracts
from spi_pipeline.contracts.models.publication import Colours, contrast
from spi_pipeline_tests.contracts.mutation import assert_fault, case, change

FILE = "publication.yaml"


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    # Both extremes, and a pair from WCAG's techniques (G18: #767676 on white passes with 4.54).
    [("#000000", "#ffffff", 21.0), ("#123456", "#123456", 1.0), ("#767676", "#ffffff", 4.54)],
)
def test_contrast_follows_wcag(one: str, other: str, ratio: float) -> None:
    assert contrast(one, other) == pytest.approx(ratio, abs=0.005)
    assert contrast(one, other) == contrast(other, one)


@pytest.mark.parametrize(
    ("file", "old", "new", "message", "at"),
    [
        case(
            "a pale link", FILE, 'link: "#1d4f8c"', 'link: "#8899ff"',
            "colours.link: '#8899ff' is refused, its contrast with the white of the page is 2.6 but must be at least "
            "4.5; choose a darker one",
        ),
        case(
            "a link that white bears and the foot does not", FILE, 'link: "#1d4f8c"', 'link: "#757575"',
            "colours.link: '#757575' is refused, its contrast with the pale background of the footer is 4.1 but must "
            "be at least 4.5; choose a darker one",
        ),
        case(
            "a yellow bar", FILE, 'brand: "#12436d"', 'brand: "#ffdd00"',
            "colours.brand: '#ffdd00' is refused, its contrast with the white of the page is 1.3 but must be at least "
            "3.0; choose a darker one",
        ),
        case(
            "a colour by name", FILE, 'brand: "#12436d"', "brand: navy",
            "colours.brand: 'navy' is refused, write a colour as #rrggbb, in quotes",
        ),
        case(
            "nobody to reach", FILE, "texts:\n", "contact: {name: The team}\ntexts:\n",
            "contact: state an email or a url, or leave contact out", "contact: {name: The team}",
        ),
        case(
            "no such logo", FILE, "texts:\n", "logo: {file: crest.svg, alt: Crest}\ntexts:\n",
            "there is no file crest.svg in data_contracts; place it there, or leave logo out", "logo: {file: crest",
        ),
        case(
            "a logo elsewhere", FILE, "texts:\n", "logo: {file: ../crest.svg, alt: Crest}\ntexts:\n",
            "logo.file: '../crest.svg' is refused, string should match pattern '^[A-Za-z0-9_.-]+\\.(svg|png)$'",
            "logo: {file: ../",
        ),
    ],
)  # fmt: skip
def test_a_broken_entry(root: Path, file: str, old: str, new: str, message: str, at: str | None) -> None:
    assert_fault(root, file, old, new, message, at)


def test_every_publication_setting_is_optional(root: Path) -> None:
    (root / FILE).write_text("{}\n", encoding="utf-8")
    publication = load_contracts(root).publication
    assert (publication.name, publication.logo, publication.contact, publication.colours) == (
        None,
        None,
        None,
        Colours(),
    )


def test_an_existing_logo_is_accepted(root: Path) -> None:
    change(root, FILE, "texts:\n", "logo: {file: crest.svg, alt: Crest}\ntexts:\n")
    (root / "crest.svg").write_text("<svg/>", encoding="utf-8")
    logo = load_contracts(root).publication.logo
    assert logo is not None
    assert logo.alt == "Crest"
