"""What an analyst asks of the finished index, and the answers that were looked into."""

from typing import Literal

from pydantic import Field

from spi_pipeline.contracts.models.vocabulary import Strict

SanityKind = Literal["comparison", "opposed", "constant", "redundant", "neighbours"]


class Limits(Strict):
    """Where a finding begins.

    Attributes:
        index: for the index.
        below: for its dimensions and components.
    """

    index: float
    below: float

    def of(self, level: str) -> float:
        """The limit for an element of a level."""
        return self.index if level == "index" else self.below


class Comparison(Strict):
    """A measure of the economic context that scores should go with.

    Attributes:
        measure: its id in ``economy.yaml``.
        sign: ``positive`` where better scores should come with higher values.
        least: the least correlation in that direction.
    """

    measure: str
    sign: Literal["positive", "negative"]
    least: Limits


class Explained(Strict):
    """A finding that was looked into.

    Attributes:
        kind: what was found.
        id: about which element, indicator or ward.
        other_id: with regard to which; left out where it holds of any.
        authority: in which authority; left out where it holds of any.
        reason: why it is so, in a sentence.
    """

    kind: SanityKind
    id: str
    other_id: str | None = None
    authority: str | None = None
    reason: str = Field(min_length=1)


class Sanity(Strict):
    """``sanity.yaml``.

    Attributes:
        profile: the profile looked at.
        compare: what scores are compared with.
        opposed: an indicator whose correlation with its siblings is below this moves against its component.
        constant: an indicator whose scores have a smaller standard deviation, in points, does not vary.
        redundant: two indicators that correlate more than this say the same.
        neighbours: a ward that stands more standard deviations from the wards around it is far from them.
        explained: findings with a reason; any other is a warning.
    """

    profile: str
    compare: list[Comparison]
    opposed: float = Field(ge=-1, le=1)
    constant: float = Field(ge=0)
    redundant: float = Field(ge=0, le=1)
    neighbours: Limits
    explained: list[Explained] = Field(default_factory=list)
