"""An analyst's checks on the finished index, and the findings that were investigated."""

from typing import Literal

from pydantic import Field

from spi_pipeline.contracts.models.vocabulary import Strict

SanityKind = Literal["comparison", "opposed", "constant", "redundant", "neighbours"]


class Limits(Strict):
    """The limit beyond which there is a finding.

    Attributes:
        index: the limit for the index.
        below: the limit for its dimensions and components.
    """

    index: float
    below: float

    def of(self, level: str) -> float:
        """The limit for an element of a level."""
        return self.index if level == "index" else self.below


class Comparison(Strict):
    """A context measure with which scores should correlate.

    Attributes:
        measure: its id in ``context.yaml``.
        sign: ``positive`` if better scores should come with higher values, ``negative`` if with lower ones.
        least: the smallest acceptable correlation in that direction.
    """

    measure: str
    sign: Literal["positive", "negative"]
    least: Limits


class Explained(Strict):
    """A finding that was investigated.

    Attributes:
        kind: the kind of finding.
        id: the element, indicator or ward that it is about.
        other_id: the second element, indicator or ward that it is about; left out if any.
        authority: the authority in which it holds; left out if in any.
        reason: the explanation, in a sentence.
    """

    kind: SanityKind
    id: str
    other_id: str | None = None
    authority: str | None = None
    reason: str = Field(min_length=1)


class Sanity(Strict):
    """``sanity.yaml``: checks on the finished index.

    Attributes:
        profile: the profile that is checked.
        compare: the context measures with which scores are compared.
        opposed: an indicator whose correlation with its siblings is below this moves against its component.
        constant: an indicator whose scores have a smaller standard deviation, in points, does not vary.
        redundant: two indicators whose correlation exceeds this say the same.
        neighbours: a ward more than this many standard deviations from the wards around it stands out.
        explained: findings with a reason; any other finding is a warning.
    """

    profile: str
    compare: list[Comparison]
    opposed: float = Field(ge=-1, le=1)
    constant: float = Field(ge=0)
    redundant: float = Field(ge=0, le=1)
    neighbours: Limits
    explained: list[Explained] = Field(default_factory=list)
