"""How a council publishes its site: its name, colours, logo, contact and words of its own."""

from __future__ import annotations

import re
from typing import Self

from pydantic import Field, field_validator, model_validator

from spi_pipeline.contracts.models.vocabulary import Strict

WHITE = "#ffffff"
# The ground of the foot of each page, on which links stand too.
PALE = "#f3f2f1"
# WCAG 2.2, 1.4.3 and 1.4.11: of letters to their ground, and of what is no letter.
OF_TEXT, OF_SHAPES = 4.5, 3.0
_COLOUR = re.compile(r"#[0-9a-f]{6}", re.IGNORECASE)


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours as WCAG 2.2 defines it, from 1 to 21.

    Args:
        one: ``#rrggbb``.
        other: likewise.
    """
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


class Colours(Strict):
    """Colours of the site; those of maps and charts are not a matter of taste, and stay.

    Attributes:
        brand: of the bar at the head of each page.
        link: of links.
    """

    brand: str = "#12436d"
    link: str = "#1d4f8c"

    @field_validator("brand", "link")
    @classmethod
    def _told(cls, colour: str) -> str:
        if not _COLOUR.fullmatch(colour):
            raise ValueError("write a colour as #rrggbb, in quotes")
        return colour

    @field_validator("brand")
    @classmethod
    def _seen(cls, colour: str) -> str:
        return _refused(colour, WHITE, "the white of the page", OF_SHAPES)

    @field_validator("link")
    @classmethod
    def _read(cls, colour: str) -> str:
        return _refused(
            _refused(colour, WHITE, "the white of the page", OF_TEXT), PALE, "the pale ground of the foot", OF_TEXT
        )


def _refused(colour: str, ground: str, said: str, least: float) -> str:
    found = contrast(colour, ground)
    if found < least:
        raise ValueError(f"its contrast to {said} is {found:.1f} and must be {least} at least; take a darker one")
    return colour


class Logo(Strict):
    """A picture at the head of each page.

    Attributes:
        file: its name in this folder.
        alt: what it says to those who do not see it.
    """

    file: str = Field(pattern=r"^[A-Za-z0-9_.-]+\.(svg|png)$")
    alt: str = Field(min_length=1)


class Contact(Strict):
    """Whom readers may ask.

    Attributes:
        name: of the person or team.
        email: their address.
        url: of a page or form.
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
    """Words of the council's own, plain text.

    Attributes:
        about: a paragraph on the page about the site.
        foot: a sentence at the foot of every page.
    """

    about: str = ""
    foot: str = ""


class SitePublication(Strict):
    """``publication.yaml``.

    Attributes:
        name: of the site; left out, ``Social progress in`` and the name of the authority.
        colours: of the site.
        logo: a picture at the head of each page; left out where there is none.
        contact: whom readers may ask; left out where nobody is named.
        texts: words of the council's own.
        sign_off: whether the public sees the newest signed release alone; otherwise what was computed last.
    """

    name: str | None = Field(default=None, min_length=1)
    colours: Colours = Field(default_factory=Colours)
    logo: Logo | None = None
    contact: Contact | None = None
    texts: Texts = Field(default_factory=Texts)
    sign_off: bool = False
