"""Checks on the references of a council's own two files, ``targets.yaml`` and ``publication.yaml``."""

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
    """Check that ids are unique, authorities and indicators exist, and values lie in the plausible range."""
    authorities = [authority.code for authority in geography.authorities]
    taken: set[str] = set()
    for index, target in enumerate(targets.targets):
        path: Path_ = ("targets", index)
        if target.id in taken:
            faults.append(document.fault((*path, "id"), f"the id {target.id!r} is already used; choose another"))
        taken.add(target.id)
        if target.authority not in authorities:
            message = unknown(target.authority, "authority of geography.yaml", authorities)
            faults.append(document.fault((*path, "authority"), f"target {target.id}: {message}"))
        indicator = indicators.get(target.indicator)
        if indicator is None:
            message = unknown(target.indicator, "indicator", indicators)
            faults.append(document.fault((*path, "indicator"), f"target {target.id}: {message}"))
            continue
        low, high = indicator.plausible.minimum, indicator.plausible.maximum
        if not low <= target.value <= high:
            message = (
                f"target {target.id}: {target.value:g} is not a plausible value of {target.indicator}, which lies "
                f"between {low:g} and {high:g}; correct the value or its unit"
            )
            faults.append(document.fault((*path, "value"), message))


def check_publication(document: Document, publication: SitePublication, root: Root, faults: list[Fault]) -> None:
    """Check that the logo exists."""
    if publication.logo is not None and not (root / publication.logo.file).is_file():
        message = (
            f"there is no file {publication.logo.file} in {Path(str(root)).name}; place it there, or leave logo out"
        )
        faults.append(document.fault(("logo", "file"), message))
