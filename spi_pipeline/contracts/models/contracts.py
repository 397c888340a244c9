"""Everything the contracts folder says, as one object.

A step that holds a ``Contracts`` may rely on every reference in it: no unknown source, column, component, concept or
area is left. How the files become one is in ``reading``, what is refused in ``lint``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.corrections import Correction
from spi_pipeline.contracts.models.framework import Framework
from spi_pipeline.contracts.models.geography import Geography
from spi_pipeline.contracts.models.indicators import Alike, Composition, Earlier, Indicator, Measured, Peers
from spi_pipeline.contracts.models.levels import at_its_level
from spi_pipeline.contracts.models.own_areas import OwnArea
from spi_pipeline.contracts.models.publication import SitePublication
from spi_pipeline.contracts.models.published_findings import PublishedFindings
from spi_pipeline.contracts.models.recent import Monthly, Recent
from spi_pipeline.contracts.models.sanity import Sanity
from spi_pipeline.contracts.models.tables import Product, Source, Table
from spi_pipeline.contracts.models.targets import Targets
from spi_pipeline.contracts.models.vocabulary import Vocabulary
from spi_pipeline.contracts.root import Root


@dataclass(frozen=True)
class Contracts:
    """Everything the contracts folder says.

    Attributes:
        root: where they lie.
        vocabulary: closed vocabularies.
        geography: wards and authorities.
        sources: source contracts by id.
        products: product contracts by id.
        framework: dimensions, components, profiles.
        indicators: indicators by id, in framework order.
        component_of: component id of each indicator.
        context: context measures by id.
        peers: whom a ward is held against.
        composition: what scores are set against.
        alike: by what the wards of England are called similar.
        decade: what two censuses tell of the same wards.
        recent: what is counted month by month beside the monthly indicators.
        corrections: known errors of a source's figures, by source id.
        sanity: what is asked of the finished index.
        published: what others published about the wards.
        targets: what the council wants to reach.
        publication: how the site looks and whom it names.
        own_areas: areas of the council's own by id.
        digests: of what each file says of how figures are made, by its path relative to the folder.
        dormant: sources that have no table as things are run now; what needs them is missing and in no set.
        fetched: sources that are asked of their publishers as things are run now.
        laid_in: sources of a council's own that are read from the inbox.
        outputs: what is made for readers as things are run now, the database always among it.
    """

    root: Root
    vocabulary: Vocabulary
    geography: Geography
    sources: dict[str, Source]
    products: dict[str, Product]
    framework: Framework
    indicators: dict[str, Indicator]
    component_of: dict[str, str]
    context: dict[str, Measured]
    peers: Peers
    sanity: Sanity
    published: PublishedFindings
    recent: Recent
    composition: Composition
    alike: Alike
    targets: Targets
    publication: SitePublication
    decade: tuple[Earlier, ...] = ()
    corrections: dict[str, tuple[Correction, ...]] = field(default_factory=dict)
    own_areas: dict[str, OwnArea] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    dormant: frozenset[str] = frozenset()
    fetched: frozenset[str] = frozenset()
    laid_in: frozenset[str] = frozenset()
    outputs: frozenset[str] = frozenset({"database"})

    @property
    def active(self) -> list[Indicator]:
        """The indicators that can have values as things are run now, in framework order."""
        return [item for item in self.indicators.values() if self.can_have_values(item)]

    @property
    def monthly(self) -> list[Monthly]:
        """What is counted month by month as things are run now: by monthly indicators and for ``recent.yaml``."""
        counted = [
            Monthly(id=item.id, title=item.title, source=item.source, columns=measure.columns, where=measure.where)
            for item in self.indicators.values()
            if (measure := item.measure).window and measure.kind != "mean"
            if self.sources[item.source].properties.geography.levels == ["point"]
        ]
        return [item for item in (*counted, *self.recent.measures) if self.has_figures(item.source)]

    def has_figures(self, source_id: str) -> bool:
        """Whether a source has a table as things are run now, and should hold figures for an authority."""
        return source_id not in self.dormant and bool(self.geography.holding(source_id))

    def can_have_values(self, measured: Measured) -> bool:
        """Whether all sources have figures, and some authority's are of the same areas."""
        of_two = self.of_two_areas(measured)
        return all(map(self.has_figures, self.sources_of(measured))) and of_two != {*self.geography.authority_codes}

    def of_two_areas(self, measured: Measured) -> frozenset[str]:
        """Codes of the authorities where a rate divides what is of a ward by what only best fit puts into it.

        These are two areas of one name: in 147 of 4,518 wards of England there were more than 130 electors for every
        100 residents aged 16 and over.
        """
        base = measured.measure.denominator
        levels = [self.sources[name].properties.geography.levels for name in (measured.source, base and base.source)
                  if name]  # fmt: skip
        by_ward = [own == ["ward"] for own in levels]
        fitted = (item.code for item in self.geography.authorities if item.placed_by == "best_fit")
        return frozenset(fitted) if by_ward == [True, False] else frozenset()

    def indicators_of(self, component_id: str) -> list[Indicator]:
        """The active indicators of a component, in file order."""
        return [item for item in self.active if self.component_of[item.id] == component_id]

    def sources_of(self, measured: Measured) -> list[str]:
        """The sources an indicator or context measure reads: its own, then its denominator's or its level's."""
        measure = measured.measure
        others = [part.source for part in (measure.denominator, measure.level) if part is not None and part.source]
        return list(dict.fromkeys([measured.source, *others]))

    def missing_because(self, measured: Measured) -> list[str]:
        """Why an indicator or context measure has no value as things are run now, or none in an authority."""
        apart = [one for one in self.geography.authorities if one.code in self.of_two_areas(measured)]
        return self._absent_because(self.sources_of(measured)) or [
            f"Missing for {authority.name}: what is counted is of wards, and what it is divided by of the small areas "
            "that fit them best, which are other areas."
            for authority in apart
        ]

    def at_their_levels(self) -> Contracts:
        """The same, with anchored indicators at their level alone where that has figures and what moves it has none."""
        return self._with_levels(
            {
                item.id: " ".join(self._absent_because([item.source]))
                for item in self.indicators.values()
                if (level := item.measure.level) is not None and level.error is not None
                if self.has_figures(level.source) and not self.has_figures(item.source)
            }
        )

    def as_published(self, source_of: Mapping[str, str]) -> Contracts:
        """The same, with anchored indicators at their level alone where what was published was read from it alone.

        Args:
            source_of: by indicator, the source that the table ``indicator`` names.
        """
        levels = {item.id: item.measure.level for item in self.indicators.values()}
        return self._with_levels(
            {name: "" for name, level in levels.items() if level and source_of.get(name) == level.source}
        )

    def _with_levels(self, why: Mapping[str, str]) -> Contracts:
        found = {name: at_its_level(self.indicators[name], said) for name, said in why.items()}
        return replace(self, indicators=self.indicators | found)

    def _absent_because(self, source_ids: list[str]) -> list[str]:
        absent = [name for name in source_ids if name in self.dormant]
        if absent:
            own = all(self.sources[name].properties.mode == "own" for name in absent)
            remedy = "its file is not in the inbox" if own else "is read by spi refresh --live"
            return [f"Missing here: {' and '.join(absent)} has no embedded figures, and {remedy}."]
        lacking = [
            (authority.name, reason)
            for authority in self.geography.authorities
            if (reason := next(filter(None, map(authority.lacks, source_ids)), ""))
        ]
        return [f"Missing for {name}: {reason}" for name, reason in lacking]

    @property
    def titles(self) -> dict[str, str]:
        """Title of every element of the framework and every indicator, by id."""
        titles = {self.framework.id: self.framework.title}
        for dimension in self.framework.dimensions:
            titles[dimension.id] = dimension.title
            titles.update({component.id: component.title for component in dimension.components})
        return titles | {indicator.id: indicator.title for indicator in self.indicators.values()}


def contract_of(table: str, contracts: Contracts) -> Table:
    """The contract of a table: a source's own, or the product its name begins with.

    Raises:
        SpiError: where there is none.
    """
    product = table.split(".")[0]
    found = contracts.sources.get(table) or contracts.products.get(product)
    if found is None:
        raise SpiError(f"table {table} has no contract; add products/{product}.yaml to {contracts.root}")
    return found
