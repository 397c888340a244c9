"""How indicators become an index: dimensions, components and the profiles they are computed under."""

from functools import cached_property
from typing import Literal

from pydantic import Field

from spi_pipeline.contracts.models.indicators import Id
from spi_pipeline.contracts.models.vocabulary import Strict

Mean = Literal["arithmetic", "geometric", "harmonic"]
Doubtful = Literal[
    "sampling", "goalposts", "transform", "normalisation", "weights", "aggregation", "imputation", "left_out"
]


class Component(Strict):
    """One component of a dimension."""

    id: str = Field(pattern=Id)
    title: str
    description: str


class Dimension(Strict):
    """One dimension of the index."""

    id: str = Field(pattern=Id)
    title: str
    description: str
    components: list[Component] = Field(min_length=1)


class Profile(Strict):
    """One way to compute the index.

    Attributes:
        title: shown to people.
        description: in a sentence.
        weights: weights inside components: ``equal``, or ``pca`` (first principal component, where a reference wide
            enough is at hand; equal otherwise, and the ``weight`` table says so).
        impute: what happens to a missing cell: ``regression`` on the component's other indicators, or ``none``.
        means: the mean that forms each level.
        available: smallest share of children a score may rest on.
        floor: what lower scores are lifted to under a geometric or harmonic mean, which need positive scores; 1 or
            more, since below it a logarithm, and with it a contribution, is negative.
    """

    title: str
    description: str
    weights: Literal["equal", "pca"]
    impute: Literal["regression", "none"]
    means: dict[Literal["component", "dimension", "index"], Mean]
    available: float = Field(ge=0, le=1)
    floor: float | None = Field(default=None, ge=1)


class Publication(Strict):
    """When an edition is published.

    Attributes:
        first_edition: the first calendar year considered.
        slots: smallest share of the framework's slots that must hold a value; every component must be present too.
        areas: an indicator is present in an edition when at least this share of wards has a value.
        owner: whom the Dagster pages name, as ``team:name`` or a mail address.
    """

    first_edition: int = Field(ge=2000, le=2100)
    slots: float = Field(ge=0, le=1)
    areas: float = Field(ge=0, le=1)
    owner: str = Field(pattern=r"^(team:[A-Za-z0-9_-]+|[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,7})$")


class Uncertainty(Strict):
    """How the doubt about ranks is measured: the index is computed anew many times, its doubtful choices drawn anew.

    Attributes:
        draws: recalculations of each edition under each profile behind an interval of ranks.
        seed: of all random numbers; the same seed gives the same intervals.
        sources: what a draw varies, where the figures allow it.
        goalposts: largest shift of each goalpost, as a share of the distance between the two.
        weights: largest relative change of each weight.
        lowest: the table of intervals says how often a ward is among so many of the worst.
        shares: base draws behind the share of each source in the doubt about the newest edition.
    """

    draws: int = Field(ge=20)
    seed: int = Field(ge=0)
    sources: list[Doubtful] = Field(min_length=1)
    goalposts: float = Field(ge=0, lt=0.5)
    weights: float = Field(ge=0, le=1)
    lowest: int = Field(ge=1)
    shares: int = Field(ge=20)


class Framework(Strict):
    """The whole framework.

    Attributes:
        id: id of the index itself.
        title: its name.
        description: in a sentence.
        dimensions: in the order they are shown.
        profiles: by name.
        publication: when an edition is published.
        uncertainty: how the doubt about ranks is measured.
    """

    id: str = Field(pattern=Id)
    title: str
    description: str
    dimensions: list[Dimension] = Field(min_length=1)
    profiles: dict[str, Profile] = Field(min_length=1)
    publication: Publication
    uncertainty: Uncertainty

    @cached_property
    def components(self) -> dict[str, Component]:
        """All components by id, in framework order."""
        return {component.id: component for dimension in self.dimensions for component in dimension.components}

    def dimension_of(self, component_id: str) -> Dimension:
        """The dimension a component belongs to."""
        return next(d for d in self.dimensions if any(c.id == component_id for c in d.components))
