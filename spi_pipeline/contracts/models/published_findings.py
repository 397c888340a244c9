"""What others published about the areas that the index is of, as statements that our figures can be held against."""

import re
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from spi_pipeline.contracts.models.vocabulary import Strict, is_day

End = Literal["lowest", "highest"]
_DATE = re.compile(r"[12]\d{3}(-\d\d(-\d\d)?)?")


def _is_date(text: str) -> bool:
    """Whether a text is a year, month or day that there is."""
    return _DATE.fullmatch(text) is not None and is_day(f"{text}-01-01"[: len("YYYY-MM-DD")])


class Claim(Strict):
    """One thing that a publication says, as our figures could say it.

    Attributes:
        element: the index, a dimension, component or indicator whose scores are looked at.
        end: whether the wards are said to have the lowest or the highest scores.
        wards: codes of the wards named.
        among: of how many wards at that end they are said to be; left out where there are no others.
        because: why our figures say something else, where they do.
    """

    element: str
    end: End
    wards: list[str] = Field(min_length=1)
    among: int | None = Field(default=None, ge=1)
    because: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _room(self) -> Self:
        if self.among is not None and self.among < len(self.wards):
            raise ValueError(f"among {self.among} wards there is no room for the {len(self.wards)} named; raise among")
        return self

    @property
    def count(self) -> int:
        """How many wards stand at that end."""
        return self.among or len(self.wards)


class Finding(Strict):
    """One publication that was read.

    Attributes:
        id: of the entry.
        authority: the authority whose wards it speaks of.
        publisher: who published it.
        url: where.
        published: the day, month or year, ISO 8601; ``unknown`` where it tells none.
        says: what it says, in short words of our own.
        claims: what of that our figures can be held against; of a text that can be read in two ways, both.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    authority: str
    publisher: str = Field(min_length=1)
    url: str = Field(pattern=r"^https?://\S+$")
    published: str
    says: str = Field(min_length=1)
    claims: list[Claim] = Field(min_length=1)

    @field_validator("published")
    @classmethod
    def _date(cls, published: str) -> str:
        if published != "unknown" and not _is_date(published):
            raise ValueError("state a day, month or year, such as 2024-07-22, or unknown")
        return published


class PublishedFindings(Strict):
    """``published_findings.yaml``.

    Attributes:
        findings: each publication once.
    """

    findings: list[Finding] = Field(default_factory=list)
