"""Loading every contract at once: all faults of all files together, then what one file alone cannot know.

A step that holds a ``Contracts`` object may rely on every reference in it: no unknown source, column, component,
concept or area is left.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from spi_pipeline.contracts.corrections import Correction, CorrectionFile, check_corrections
from spi_pipeline.contracts.documents import Document, Model, read_document, unknown, validate
from spi_pipeline.contracts.errors import ContractError, Fault, SpiError
from spi_pipeline.contracts.framework import Framework
from spi_pipeline.contracts.geography import Geography
from spi_pipeline.contracts.indicators import Economy, Indicator, IndicatorFile, Measured, Peers
from spi_pipeline.contracts.measured import with_measured
from spi_pipeline.contracts.odcs import read_product, read_source
from spi_pipeline.contracts.references import (
    check_authorities,
    check_economy,
    check_framework,
    check_geography,
    check_indicators,
    check_sanity,
)
from spi_pipeline.contracts.sanity import Sanity
from spi_pipeline.contracts.tables import Product, Source, Table
from spi_pipeline.contracts.vocabulary import Vocabulary

TableType = TypeVar("TableType", bound=Table)


@dataclass(frozen=True)
class Contracts:
    """Everything the contracts folder says.

    Attributes:
        root: the folder.
        vocabulary: closed vocabularies.
        geography: wards and authorities.
        sources: source contracts by id.
        products: product contracts by id.
        framework: dimensions, components, profiles.
        indicators: indicators by id, in framework order.
        component_of: component id of each indicator.
        economy: context measures by id.
        peers: whom a ward is held against.
        corrections: known errors of a source's figures, by source id.
        sanity: what is asked of the finished index.
        dormant: sources that have no table as things are run now; what needs them is missing and in no set.
        fetched: sources that are asked of their publishers as things are run now.
        digests: of what each file says of how figures are made, by its path relative to the folder.
    """

    root: Path
    vocabulary: Vocabulary
    geography: Geography
    sources: dict[str, Source]
    products: dict[str, Product]
    framework: Framework
    indicators: dict[str, Indicator]
    component_of: dict[str, str]
    economy: dict[str, Measured]
    peers: Peers
    sanity: Sanity
    corrections: dict[str, tuple[Correction, ...]] = field(default_factory=dict)
    dormant: frozenset[str] = frozenset()
    fetched: frozenset[str] = frozenset()
    digests: dict[str, str] = field(default_factory=dict)

    @property
    def active(self) -> list[Indicator]:
        """The indicators all of whose sources have a table, in framework order."""
        return [item for item in self.indicators.values() if not self.dormant.intersection(self.sources_of(item))]

    def indicators_of(self, component_id: str) -> list[Indicator]:
        """The active indicators of a component, in file order."""
        return [item for item in self.active if self.component_of[item.id] == component_id]

    def sources_of(self, measured: Measured) -> list[str]:
        """The sources an indicator or context measure reads: its own, then its denominator's."""
        denominator = measured.measure.denominator
        other = denominator.source if denominator else None
        return [measured.source] if other in (None, measured.source) else [measured.source, other]

    def missing_because(self, measured: Measured) -> list[str]:
        """Why an indicator or context measure has no value as things are run now, or none in an authority."""
        absent = [name for name in self.sources_of(measured) if name in self.dormant]
        if absent:
            return [f"Missing here: {' and '.join(absent)} has no embedded figures, and is read by spi refresh --live."]
        lacking = [
            (authority.name, reason)
            for authority in self.geography.authorities
            if (reason := next(filter(None, map(authority.lacks, self.sources_of(measured))), ""))
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


def read_contracts(root: Path) -> Contracts:
    """Placeholder."""
    return load_contracts(root)


def load_contracts(root: Path) -> Contracts:
    """Load and check every contract below a folder.

    Args:
        root: the contracts folder.

    Returns:
        The contracts, every reference resolved.

    Raises:
        ContractError: with every fault of every file.
    """
    if not root.is_dir():
        raise ContractError([Fault(str(root), 0, "this contracts folder does not exist; set SPI_CONTRACTS to yours")])
    faults: list[Fault] = []
    vocabulary = _load_one(root, "vocabulary.yaml", Vocabulary, faults)
    geography = _load_one(root, "geography.yaml", Geography, faults)
    framework = _load_one(root, "framework.yaml", Framework, faults)
    economy = _load_one(root, "economy.yaml", Economy, faults)
    sanity = _load_one(root, "sanity.yaml", Sanity, faults)
    files = {stem: _load_one(root, name, IndicatorFile, faults) for stem, name in _names(root, "indicators", faults)}
    if geography:
        check_geography(*geography, faults)
    if framework:
        check_framework(*framework, files, faults)
    if vocabulary is None or geography is None:
        raise ContractError(faults)  # no table can be read without them
    known = vocabulary[1], geography[1]
    sources = _load_tables(root, "sources", lambda document: read_source(document, *known, faults), faults)
    products = _load_tables(root, "products", lambda document: read_product(document, *known, faults), faults)
    for name in sorted(sources.keys() & products.keys()):
        message = f"the table {name!r} has a second contract, products/{name}.yaml; rename one of them"
        faults.append(Fault(f"sources/{name}.yaml", 0, message))
    corrections = _load_corrections(root, sources, faults)
    check_authorities(*geography, sources, faults)
    check_indicators(files, sources, vocabulary[1], faults)
    if economy:
        taken = {item.id for _, file in filter(None, files.values()) for item in file.indicators}
        before = len(faults)
        check_economy(*economy, taken, sources, vocabulary[1], faults)
        if sanity and framework and len(faults) == before:
            check_sanity(*sanity, economy[1], framework[1], faults)
    if framework is None or economy is None or sanity is None or faults:
        raise ContractError(faults)
    loaded = {name: product for name, product in products.items() if product}
    by_component = {file.component: file.indicators for _, file in filter(None, files.values())}
    ordered = [(component, item) for component in framework[1].components for item in by_component[component]]
    return Contracts(
        root=root,
        vocabulary=vocabulary[1],
        geography=geography[1],
        sources={name: source for name, source in sources.items() if source},
        products={
            name: with_measured(product, [item for _, item in ordered], economy[1].measures)
            for name, product in loaded.items()
        },
        framework=framework[1],
        indicators={item.id: item for _, item in ordered},
        component_of={item.id: component for component, item in ordered},
        economy={item.id: item for item in economy[1].measures},
        peers=economy[1].peers,
        corrections=corrections,
        sanity=sanity[1],
    )


def _load_corrections(
    root: Path, sources: dict[str, Source | None], faults: list[Fault]
) -> dict[str, tuple[Correction, ...]]:
    """The corrections of each source that has any."""
    found = {}
    for stem, name in _names(root, "corrections", faults):
        if stem not in sources:
            faults.append(Fault(name, 0, f"is named after no source; {unknown(stem, 'source', sources)}"))
        loaded = _load_one(root, name, CorrectionFile, faults)
        if loaded:
            check_corrections(*loaded, sources.get(stem), faults)
            found[stem] = tuple(loaded[1].corrections)
    return found


def _names(root: Path, folder: str, faults: list[Fault]) -> list[tuple[str, str]]:
    """Stem and shown name of every contract of a folder, sorted; a file that would not be read is a fault."""
    files = sorted(file for file in (root / folder).glob("*") if not file.name.startswith("."))
    stray = [file.name for file in files if file.suffix != ".yaml"]
    faults.extend(Fault(f"{folder}/{name}", 0, "is not read, contracts end in .yaml; rename it") for name in stray)
    return [(file.stem, f"{folder}/{file.name}") for file in files if file.suffix == ".yaml"]


def _load_one(root: Path, name: str, model: type[Model], faults: list[Fault]) -> tuple[Document, Model] | None:
    before = len(faults)
    document = read_document(root / name, name, faults)
    built = validate(model, document, document.data, (), faults) if document else None
    return (document, built) if document and built and len(faults) == before else None


def _load_tables(
    root: Path, folder: str, read: Callable[[Document], TableType | None], faults: list[Fault]
) -> dict[str, TableType | None]:
    """The tables of a folder by file name; None where a file has faults, which are told once, with the file."""
    tables: dict[str, TableType | None] = {}
    for stem, name in _names(root, folder, faults):
        document = read_document(root / name, name, faults)
        tables[stem] = read(document) if document else None
    return tables
