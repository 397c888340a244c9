"""How indicators become an index: dimensions, components, and the profiles under which scores are computed."""

from functools import cached_property
from typing import Any, Literal

from pydantic import Field

from spi_pipeline.contracts.models.indicators import Id
from spi_pipeline.contracts.models.vocabulary import Strict

UncertaintySource = Literal[
    "measurement", "allocation", "imputation", "goalposts", "transform", "normalisation", "weights", "aggregation",
    "choice",
]  # fmt: skip


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

    All keys except ``title`` and ``description`` are keys of ``spi score``, with the same meaning. Each is declared
    once for all levels, or level by level. The engine judges them when the index is computed. ``pca`` weights are
    derived from the wards of England if the reference holds a component's indicators; otherwise weights are equal.

    Attributes:
        title: shown to people.
        description: in a sentence.
        normalise: how values become scores; by goalposts if left out.
        impute: how a missing cell is filled; left empty if left out.
        treat: how outliers are treated.
        weights: how children are weighted.
        aggregate: the mean that forms an element.
        available: smallest share of children from which a score may be formed.
        missing: how missing children are handled.
        floor: the value to which lower scores are raised under a mean that needs positive scores.
        rescale: how scores are normalised once more before they enter their parent.
        decimals: number of decimals to which scores are rounded.
    """

    title: str
    description: str
    normalise: Any = None
    impute: Any = None
    treat: Any = None
    weights: Any = None
    aggregate: Any = None
    available: Any = None
    missing: Any = None
    floor: Any = None
    rescale: Any = None
    decimals: Any = None

    @property
    def methods(self) -> dict[str, Any]:
        """The declared methods, by key, in the engine's words."""
        return {
            key: value for key, value in self.model_dump(exclude={"title", "description"}).items() if value is not None
        }


class Publication(Strict):
    """When an edition is published.

    Attributes:
        first_edition: the first calendar year considered.
        held: largest share of an edition's weight that may be held from later years; the newest edition is always
            published.
        areas: a slot is in the basis if at least this share of wards has a value of useful age.
        covered: smallest share of a ward's residents, or of an authority's wards, that a value must cover; values that
            cover less are suppressed.
        residents: smallest number of residents in a council's own area.
        owner: the owner named on Dagster's pages, as ``team:name`` or an email address.
    """

    first_edition: int = Field(ge=2000, le=2100)
    held: float = Field(ge=0, le=1)
    areas: float = Field(ge=0, le=1)
    covered: float = Field(gt=0, le=1)
    residents: int = Field(default=1000, ge=1)
    owner: str = Field(pattern=r"^(team:[A-Za-z0-9_-]+|[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,7})$")


class Uncertainty(Strict):
    """How the uncertainty of ranks is measured: by recomputing the index many times, with uncertain choices redrawn.

    Attributes:
        draws: number of recalculations of each edition under each profile, from which an interval of ranks is formed.
        seed: seed of all random numbers; the same seed gives the same intervals.
        sources: the sources of uncertainty that a draw varies, where the figures allow it.
        goalposts: largest shift of each goalpost, as a share of the distance between the two.
        weights: largest relative change of each weight.
        lowest: the table of intervals reports how often a ward is among this many of the worst.
        shares: number of base draws for the share of each source in the uncertainty of the newest edition.
    """

    draws: int = Field(ge=20)
    seed: int = Field(ge=0)
    sources: list[UncertaintySource] = Field(min_length=1)
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
        uncertainty: how the uncertainty of ranks is measured.
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
