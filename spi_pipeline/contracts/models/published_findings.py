"""Publications by others about the areas of the index, as claims that can be compared with its figures."""

import re
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from spi_pipeline.contracts.models.vocabulary import Strict, is_day

End = Literal["lowest", "highest"]
_DATE = re.compile(r"[12]\d{3}(-\d\d(-\d\d)?)?")


def _is_date(text: str) -> bool:
    """Whether a text is a year, month or day that exists."""
    return _DATE.fullmatch(text) is not None and is_day(f"{text}-01-01"[: len("YYYY-MM-DD")])


class Claim(Strict):
    """One claim of a publication, in a form that can be compared with scores.

    Attributes:
        element: the index, dimension, component or indicator whose scores are compared.
        end: whether the claim places the wards at the lowest or the highest scores.
        wards: codes of the wards named.
        among: the number of wards at that end among which the claim places them; left out if it names all of them.
        because: why the index's figures differ, if they do.
    """

    element: str
    end: End
    wards: list[str] = Field(min_length=1)
    among: int | None = Field(default=None, ge=1)
    because: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _large_enough(self) -> Self:
        if self.among is not None and self.among < len(self.wards):
            raise ValueError(f"among is {self.among}, but {len(self.wards)} wards are named; raise among")
        return self

    @property
    def count(self) -> int:
        """How many wards stand at that end."""
        return self.among or len(self.wards)


class Finding(Strict):
    """One publication that was read.

    Attributes:
        id: id of the entry.
        authority: the authority whose wards it describes.
        publisher: who published it.
        url: where it was published.
        published: the day, month or year, ISO 8601; ``unknown`` if it gives none.
        says: a short paraphrase of its content.
        claims: its claims that can be compared with figures; if a text can be read in two ways, both readings.
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
    """``published_findings.yaml``: publications by others about the wards.

    Attributes:
        findings: each publication, once.
    """

    findings: list[Finding] = Field(default_factory=list)
