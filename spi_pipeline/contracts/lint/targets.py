"""What a council's own two files cannot know by themselves: whether what they name is there."""

from collections.abc import Mapping
from pathlib import Path

from spi_pipeline.contracts.errors import Fault
from spi_pipeline.contracts.models.geography import Geography
from spi_pipeline.contracts.models.indicators import Indicator
from spi_pipeline.contracts.models.publication import SitePublication
from spi_pipeline.contracts.models.targets import Targets
from spi_pipeline.contracts.reading.documents import Document, Path_, unknown
from spi_pipeline.contracts.root import Root


def check_targets(
    document: Document,
    targets: Targets,
    geography: Geography,
    indicators: Mapping[str, Indicator],
    faults: list[Fault],
) -> None:
    """Entries are told apart, authorities and indicators exist, values lie where the indicator's may."""
    authorities = [authority.code for authority in geography.authorities]
    taken: set[str] = set()
    for index, target in enumerate(targets.targets):
        path: Path_ = ("targets", index)
        if target.id in taken:
            faults.append(document.fault((*path, "id"), f"the id {target.id!r} is taken already; name it otherwise"))
        taken.add(target.id)
        if target.authority not in authorities:
            said = unknown(target.authority, "authority of geography.yaml", authorities)
            faults.append(document.fault((*path, "authority"), f"target {target.id}: {said}"))
        indicator = indicators.get(target.indicator)
        if indicator is None:
            said = unknown(target.indicator, "indicator", indicators)
            faults.append(document.fault((*path, "indicator"), f"target {target.id}: {said}"))
            continue
        low, high = indicator.plausible.minimum, indicator.plausible.maximum
        if not low <= target.value <= high:
            said = (
                f"target {target.id}: {target.value:g} is no plausible value of {target.indicator}, which lies between "
                f"{low:g} and {high:g}; correct value, or the unit it is in"
            )
            faults.append(document.fault((*path, "value"), said))


def check_publication(document: Document, publication: SitePublication, root: Root, faults: list[Fault]) -> None:
    """The logo is there."""
    if publication.logo is not None and not (root / publication.logo.file).is_file():
        said = f"there is no file {publication.logo.file} in {Path(str(root)).name}; lay it there, or leave logo out"
        faults.append(document.fault(("logo", "file"), said))
