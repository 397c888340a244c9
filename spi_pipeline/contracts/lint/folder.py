"""All checks of the references between the files of a contracts folder."""

from spi_pipeline.contracts.errors import Fault
from spi_pipeline.contracts.lint.corrections import check_corrections
from spi_pipeline.contracts.lint.recent import check_recent
from spi_pipeline.contracts.lint.references import (
    check_authorities,
    check_context,
    check_decade,
    check_framework,
    check_geography,
    check_indicators,
    check_published,
    check_sanity,
)
from spi_pipeline.contracts.lint.targets import check_publication, check_targets
from spi_pipeline.contracts.reading.documents import unknown
from spi_pipeline.contracts.reading.folder import Folder


def check_folder(folder: Folder, faults: list[Fault]) -> None:
    """Append every fault that one file alone cannot show; references into a file that has faults are not judged."""
    if folder.geography:
        check_geography(*folder.geography, faults)
    if folder.framework:
        check_framework(*folder.framework, folder.indicators, faults)
    if folder.vocabulary is None or folder.geography is None:
        return  # no table can be read without them
    for name in sorted(folder.sources.keys() & folder.products.keys()):
        message = f"the table {name!r} has a second contract, products/{name}.yaml; rename one of them"
        faults.append(Fault(f"sources/{name}.yaml", 0, message))
    check_authorities(*folder.geography, folder.sources, faults)
    check_indicators(folder.indicators, folder.sources, folder.vocabulary[1], faults)
    if folder.publication:
        check_publication(*folder.publication, folder.root, faults)
    if folder.published and folder.framework:
        check_published(*folder.published, folder.geography[1], folder.framework[1], folder.indicators, faults)
    _check_corrections(folder, faults)
    for stem, loaded in folder.own_areas.items():
        if loaded and loaded[1].id != stem:
            message = f"the id is {loaded[1].id!r}, but the file is called {stem}; give both the same name"
            faults.append(loaded[0].fault(("id",), message))
    if folder.context:
        indicators = {item.id: item for _, file in filter(None, folder.indicators.values()) for item in file.indicators}
        before = len(faults)
        check_context(*folder.context, indicators, folder.sources, folder.vocabulary[1], faults)
        if all(folder.indicators.values()):
            check_decade(*folder.context, indicators, folder.sources, folder.vocabulary[1], faults)
        if folder.sanity and folder.framework and len(faults) == before:
            check_sanity(*folder.sanity, folder.context[1], folder.framework[1], faults)
        if folder.targets and all(folder.indicators.values()):
            check_targets(*folder.targets, folder.geography[1], indicators, faults)
        if folder.recent:
            taken = {*indicators, *(item.id for item in folder.context[1].measures)}
            check_recent(*folder.recent, taken, folder.sources, faults)


def _check_corrections(folder: Folder, faults: list[Fault]) -> None:
    for stem, loaded in folder.corrections.items():
        if stem not in folder.sources:
            message = f"is named after no source; {unknown(stem, 'source', folder.sources)}"
            faults.append(Fault(f"corrections/{stem}.yaml", 0, message))
        if loaded:
            check_corrections(*loaded, folder.sources.get(stem), faults)
