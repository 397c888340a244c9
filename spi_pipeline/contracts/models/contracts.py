"""The whole contracts folder as one object.

A step that receives ``Contracts`` may rely on every reference in them: no source, column, component, concept or area
is unknown. ``reading`` builds the object from the files; ``lint`` decides what to refuse.
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
    """The content of the contracts folder, and the sources and outputs of the current mode.

    Attributes:
        root: the folders they were read from.
        vocabulary: closed vocabularies.
        geography: wards and authorities.
        sources: source contracts by id.
        products: product contracts by id.
        framework: dimensions, components, profiles.
        indicators: indicators by id, in framework order.
        component_of: component id of each indicator.
        context: context measures by id.
        peers: how the wards that a ward is compared with are chosen.
        composition: the context measures that scores are compared with.
        alike: the measures by which wards of England count as similar.
        decade: the figures of the earlier census that are compared with the newest.
        recent: what is counted month by month, in addition to the monthly indicators.
        corrections: known errors in a source's figures, by source id.
        sanity: checks on the finished index.
        published: publications by others about the wards.
        targets: the council's targets.
        publication: the look of the site, and whom it names.
        own_areas: the council's own areas by id.
        digests: a digest of the parts of each file that determine figures, by its path relative to the folder.
        unavailable: sources with no data in this mode. Indicators that need them are reported missing and left out of
            the basis.
        fetched: sources that are fetched from their publishers in this mode.
        manual_uploads: a council's own sources, which are read from the inbox.
        outputs: the outputs made for readers in this mode; the database is always among them.
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
    unavailable: frozenset[str] = frozenset()
    fetched: frozenset[str] = frozenset()
    manual_uploads: frozenset[str] = frozenset()
    outputs: frozenset[str] = frozenset({"database"})

    @property
    def active(self) -> list[Indicator]:
        """The indicators that can have values in this mode, in framework order."""
        return [item for item in self.indicators.values() if self.can_have_values(item)]

    @property
    def monthly(self) -> list[Monthly]:
        """Everything counted month by month in this mode, for monthly indicators and for ``recent.yaml``."""
        counted = [
            Monthly(id=item.id, title=item.title, source=item.source, columns=measure.columns, where=measure.where)
            for item in self.indicators.values()
            if (measure := item.measure).window and measure.kind != "mean"
            if self.sources[item.source].properties.geography.levels == ["point"]
        ]
        return [item for item in (*counted, *self.recent.measures) if self.has_figures(item.source)]

    def has_figures(self, source_id: str) -> bool:
        """Whether a source has data in this mode and should hold figures for at least one authority."""
        return source_id not in self.unavailable and bool(self.geography.holding(source_id))

    def can_have_values(self, measured: Measured) -> bool:
        """Whether all its sources have figures, and in some authority its figures are all of the same areas."""
        of_two = self.of_two_areas(measured)
        return all(map(self.has_figures, self.sources_of(measured))) and of_two != {*self.geography.authority_codes}

    def of_two_areas(self, measured: Measured) -> frozenset[str]:
        """Codes of the authorities in which a rate would divide figures of wards by figures placed by best fit.

        A ward and the small areas that fit it best are two areas of one name: in 147 of 4,518 wards of England there
        were more than 130 electors for every 100 residents aged 16 and over.
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
        """The sources that an indicator or context measure reads: its own, then its denominator's and its level's."""
        measure = measured.measure
        others = [part.source for part in (measure.denominator, measure.level) if part is not None and part.source]
        return list(dict.fromkeys([measured.source, *others]))

    def missing_because(self, measured: Measured) -> list[str]:
        """Why an indicator or context measure has no value in this mode, or no value in some authority."""
        mismatched = [one for one in self.geography.authorities if one.code in self.of_two_areas(measured)]
        return self._absent_because(self.sources_of(measured)) or [
            f"Missing for {authority.name}: the count is of wards, but the figure it is divided by is of the small "
            "areas that fit them best, which are not the same areas."
            for authority in mismatched
        ]

    def at_their_levels(self) -> Contracts:
        """The same contracts, with each anchored indicator reduced to its level if only the level has figures."""
        return self._with_levels(
            {
                item.id: " ".join(self._absent_because([item.source]))
                for item in self.indicators.values()
                if (level := item.measure.level) is not None and level.error is not None
                if self.has_figures(level.source) and not self.has_figures(item.source)
            }
        )

    def as_published(self, source_of: Mapping[str, str]) -> Contracts:
        """The same contracts, with each anchored indicator reduced to its level if the publication read that alone.

        Args:
            source_of: the source that the table ``indicator`` names for each indicator.
        """
        levels = {item.id: item.measure.level for item in self.indicators.values()}
        return self._with_levels(
            {name: "" for name, level in levels.items() if level and source_of.get(name) == level.source}
        )

    def _with_levels(self, why: Mapping[str, str]) -> Contracts:
        levels = {name: at_its_level(self.indicators[name], reason) for name, reason in why.items()}
        return replace(self, indicators=self.indicators | levels)

    def _absent_because(self, source_ids: list[str]) -> list[str]:
        absent = [name for name in source_ids if name in self.unavailable]
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
        """The title of every element of the framework and of every indicator, by id."""
        titles = {self.framework.id: self.framework.title}
        for dimension in self.framework.dimensions:
            titles[dimension.id] = dimension.title
            titles.update({component.id: component.title for component in dimension.components})
        return titles | {indicator.id: indicator.title for indicator in self.indicators.values()}


def contract_of(table: str, contracts: Contracts) -> Table:
    """The contract of a table: that of the source, or of the product with which its name begins.

    Raises:
        SpiError: the table has no contract.
    """
    product = table.split(".")[0]
    contract = contracts.sources.get(table) or contracts.products.get(product)
    if contract is None:
        raise SpiError(f"table {table} has no contract; add products/{product}.yaml to {contracts.root}")
    return contract
