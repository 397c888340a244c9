"""How a council publishes its site: name, colours, logo, contact and texts of its own."""

from __future__ import annotations

import re
from typing import Self

from pydantic import Field, field_validator, model_validator

from spi_pipeline.contracts.models.vocabulary import Strict

WHITE = "#ffffff"
# The background of the footer of each page, which holds links too.
PALE = "#f3f2f1"
# Smallest contrast with the background by WCAG 2.2, 1.4.3 for text and 1.4.11 for anything else.
OF_TEXT, OF_SHAPES = 4.5, 3.0
_COLOUR = re.compile(r"#[0-9a-f]{6}", re.IGNORECASE)


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours as WCAG 2.2 defines it, from 1 to 21.

    Args:
        one: the first colour, as ``#rrggbb``.
        other: the second colour, as ``#rrggbb``.
    """
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


class Colours(Strict):
    """Colours of the site; those of maps and charts are fixed.

    Attributes:
        brand: colour of the bar at the head of each page.
        link: colour of links.
    """

    brand: str = "#12436d"
    link: str = "#1d4f8c"

    @field_validator("brand", "link")
    @classmethod
    def _well_formed(cls, colour: str) -> str:
        if not _COLOUR.fullmatch(colour):
            raise ValueError("write a colour as #rrggbb, in quotes")
        return colour

    @field_validator("brand")
    @classmethod
    def _visible(cls, colour: str) -> str:
        return _contrasting(colour, WHITE, "the white of the page", OF_SHAPES)

    @field_validator("link")
    @classmethod
    def _readable(cls, colour: str) -> str:
        _contrasting(colour, WHITE, "the white of the page", OF_TEXT)
        return _contrasting(colour, PALE, "the pale background of the footer", OF_TEXT)


def _contrasting(colour: str, background: str, named: str, least: float) -> str:
    """The colour, unless its contrast with the background is too low."""
    ratio = contrast(colour, background)
    if ratio < least:
        raise ValueError(f"its contrast with {named} is {ratio:.1f} but must be at least {least}; choose a darker one")
    return colour


class Logo(Strict):
    """A picture at the head of each page.

    Attributes:
        file: its file name in this folder.
        alt: text for readers who cannot see it.
    """

    file: str = Field(pattern=r"^[A-Za-z0-9_.-]+\.(svg|png)$")
    alt: str = Field(min_length=1)


class Contact(Strict):
    """The contact for readers' questions.

    Attributes:
        name: name of the person or team.
        email: their email address.
        url: address of a page or form.
    """

    name: str = Field(min_length=1)
    email: str | None = Field(default=None, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")
    url: str | None = Field(default=None, pattern=r"^https?://\S+$")

    @model_validator(mode="after")
    def _reached(self) -> Self:
        if self.email is None and self.url is None:
            raise ValueError("state an email or a url, or leave contact out")
        return self


class Texts(Strict):
    """The council's own texts, as plain text.

    Attributes:
        about: a paragraph on the page about the site.
        foot: a sentence at the foot of every page.
    """

    about: str = ""
    foot: str = ""


class SitePublication(Strict):
    """``publication.yaml``: how the site is published.

    Attributes:
        name: name of the site; if left out, ``Social progress in`` and the name of the authority.
        colours: colours of the site.
        logo: a picture at the head of each page, if there is one.
        contact: the contact for readers' questions, if there is one.
        texts: the council's own texts.
        sign_off: whether the public sees only the newest signed release; otherwise it sees the last computed results.
    """

    name: str | None = Field(default=None, min_length=1)
    colours: Colours = Field(default_factory=Colours)
    logo: Logo | None = None
    contact: Contact | None = None
    texts: Texts = Field(default_factory=Texts)
    sign_off: bool = False
