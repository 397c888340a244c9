"""Reading of a contracts folder: each file by itself, and the contracts that they make up.

A file with faults becomes None, and its faults are collected. ``lint``, which this module does not import, checks what
one file alone cannot show.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from spi_pipeline.contracts.errors import ContractError, Fault
from spi_pipeline.contracts.measured import with_measured
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.contracts.models.corrections import CorrectionFile
from spi_pipeline.contracts.models.framework import Framework
from spi_pipeline.contracts.models.geography import Geography
from spi_pipeline.contracts.models.indicators import Context, IndicatorFile
from spi_pipeline.contracts.models.own_areas import OwnArea
from spi_pipeline.contracts.models.publication import SitePublication
from spi_pipeline.contracts.models.published_findings import PublishedFindings
from spi_pipeline.contracts.models.recent import Recent
from spi_pipeline.contracts.models.sanity import Sanity
from spi_pipeline.contracts.models.tables import Product, Source, Table
from spi_pipeline.contracts.models.targets import Targets
from spi_pipeline.contracts.models.vocabulary import Vocabulary
from spi_pipeline.contracts.reading.content import content_digest
from spi_pipeline.contracts.reading.documents import Document, Model, read_document, validate
from spi_pipeline.contracts.reading.odcs import read_product, read_source
from spi_pipeline.contracts.root import Root

TableType = TypeVar("TableType", bound=Table)


@dataclass(frozen=True)
class Folder:
    """The content of the files of a contracts folder, with the documents that know their lines.

    Attributes:
        root: the folders they were read from.
        vocabulary: closed vocabularies.
        geography: wards and authorities.
        framework: dimensions, components, profiles.
        context: context measures.
        sanity: checks on the finished index.
        published: publications by others about the wards.
        recent: what is counted month by month, in addition to the monthly indicators.
        targets: the council's targets.
        publication: the look of the site, and whom it names.
        indicators: indicators, by the name of the file.
        sources: source contracts, by the name of the file; empty if vocabulary or geography cannot be read, which all
            tables need.
        products: product contracts, by the name of the file; empty in the same case.
        corrections: corrections, by the name of the file; empty in the same case.
        own_areas: the council's own areas, by the name of the file.
        digests: a digest of the content of each file that could be read, by its path.
    """

    root: Root
    vocabulary: tuple[Document, Vocabulary] | None
    geography: tuple[Document, Geography] | None
    framework: tuple[Document, Framework] | None
    context: tuple[Document, Context] | None
    sanity: tuple[Document, Sanity] | None
    published: tuple[Document, PublishedFindings] | None
    recent: tuple[Document, Recent] | None
    targets: tuple[Document, Targets] | None
    publication: tuple[Document, SitePublication] | None
    indicators: dict[str, tuple[Document, IndicatorFile] | None]
    sources: dict[str, Source | None] = field(default_factory=dict)
    products: dict[str, Product | None] = field(default_factory=dict)
    corrections: dict[str, tuple[Document, CorrectionFile] | None] = field(default_factory=dict)
    own_areas: dict[str, tuple[Document, OwnArea] | None] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)


def read_folder(root: Root, faults: list[Fault], places: Geography | None = None) -> Folder:
    """Read every contract below a folder.

    Args:
        root: the folder.
        faults: receives every fault.
        places: the areas that the tables cover, if they differ from the folder's own geography.

    Raises:
        ContractError: there is no such folder.
    """
    if not root.shared.is_dir():
        message = "this contracts folder does not exist; set SPI_CONTRACTS to yours"
        raise ContractError([Fault(str(root.shared), 0, message)])
    if root.own and not (root.own / "geography.yaml").is_file():
        message = (
            "this council's folder holds no geography.yaml; make one with spi council NAME, or correct SPI_COUNCIL"
        )
        raise ContractError([Fault(str(root.own), 0, message)])
    if root.own:
        stray = {file.name for file in root.own.glob("*.yaml")} - {file.name for file in root.shared.glob("*.yaml")}
        faults.extend(Fault(name, 0, "replaces no shared contract; rename it") for name in sorted(stray))
    digests: dict[str, str] = {}

    def read(name: str) -> Document | None:
        document = read_document(root / name, name, faults)
        digests.update({name: content_digest(document.data)} if document else {})
        return document

    def one(name: str, model: type[Model]) -> tuple[Document, Model] | None:
        return _built(read(name), model, faults)

    def every(folder: str, model: type[Model]) -> dict[str, tuple[Document, Model] | None]:
        return {stem: one(name, model) for stem, name in _names(root, folder, faults)}

    read_so_far = Folder(
        root=root,
        digests=digests,
        vocabulary=one("vocabulary.yaml", Vocabulary),
        geography=one("geography.yaml", Geography),
        framework=one("framework.yaml", Framework),
        context=one("context.yaml", Context),
        sanity=one("sanity.yaml", Sanity),
        published=one("published_findings.yaml", PublishedFindings),
        recent=one("recent.yaml", Recent),
        targets=one("targets.yaml", Targets),
        publication=one("publication.yaml", SitePublication),
        indicators=every("indicators", IndicatorFile),
        own_areas=every("areas", OwnArea),
    )
    if read_so_far.vocabulary is None or read_so_far.geography is None:
        return read_so_far
    known = read_so_far.vocabulary[1], places or read_so_far.geography[1]

    def tables(
        folder: str, build: Callable[[Document, Vocabulary, Geography, list[Fault]], TableType | None]
    ) -> dict[str, TableType | None]:
        documents = {stem: read(name) for stem, name in _names(root, folder, faults)}
        return {stem: build(each, *known, faults) if each else None for stem, each in documents.items()}

    return replace(
        read_so_far,
        sources=tables("sources", read_source),
        products=tables("products", read_product),
        corrections=every("corrections", CorrectionFile),
    )


def assembled(folder: Folder) -> Contracts:
    """The contracts that the files of a folder make up; no file may have a fault."""
    assert folder.vocabulary
    assert folder.geography
    assert folder.framework
    assert folder.context
    assert folder.sanity
    assert folder.published
    assert folder.recent
    assert folder.targets
    assert folder.publication
    framework, context = folder.framework[1], folder.context[1]
    by_component = {file.component: file.indicators for _, file in filter(None, folder.indicators.values())}
    ordered = [(component, item) for component in framework.components for item in by_component[component]]
    indicators = [item for _, item in ordered]
    sources = {name: source for name, source in folder.sources.items() if source}
    products = {name: product for name, product in folder.products.items() if product}
    corrections = {name: loaded[1] for name, loaded in folder.corrections.items() if loaded}
    return Contracts(
        root=folder.root,
        vocabulary=folder.vocabulary[1],
        geography=folder.geography[1],
        sources=sources,
        products={
            name: with_measured(
                product, indicators, context, list(sources.values()), folder.geography[1], folder.vocabulary[1].units
            )
            for name, product in products.items()
        },
        framework=framework,
        indicators={item.id: item for item in indicators},
        component_of={item.id: component for component, item in ordered},
        context={item.id: item for item in context.measures},
        peers=context.peers,
        composition=context.composition,
        alike=context.alike,
        decade=tuple(context.decade),
        corrections={name: tuple(file.corrections) for name, file in corrections.items()},
        sanity=folder.sanity[1],
        published=folder.published[1],
        recent=folder.recent[1],
        targets=folder.targets[1],
        publication=folder.publication[1],
        own_areas={name: loaded[1] for name, loaded in folder.own_areas.items() if loaded},
        digests=folder.digests,
    )


def _names(root: Root, folder: str, faults: list[Fault]) -> list[tuple[str, str]]:
    """The stem and the shown name of every contract in a folder, sorted; a file that would not be read is a fault."""
    names = root.names(folder)
    stray = [name for name in names if not name.endswith(".yaml")]
    faults.extend(Fault(f"{folder}/{name}", 0, "is not read, contracts end in .yaml; rename it") for name in stray)
    return [(name.removesuffix(".yaml"), f"{folder}/{name}") for name in names if name.endswith(".yaml")]


def _built(document: Document | None, model: type[Model], faults: list[Fault]) -> tuple[Document, Model] | None:
    """A document with the object it describes; None if it has faults, which are appended."""
    before = len(faults)
    built = validate(model, document, document.data, (), faults) if document else None
    return (document, built) if document and built and len(faults) == before else None
