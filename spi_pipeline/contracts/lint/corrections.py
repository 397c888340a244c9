"""Whether the corrections of a source fit its contract; whether they fit its figures is for those who apply them."""

from spi_pipeline.contracts.errors import Fault
from spi_pipeline.contracts.models.corrections import CorrectionFile
from spi_pipeline.contracts.models.tables import Source
from spi_pipeline.contracts.reading.documents import Document, unknown


def check_corrections(document: Document, file: CorrectionFile, source: Source | None, faults: list[Fault]) -> None:
    """What a file of corrections says of its source: the columns exist, ids and cells are named once.

    Args:
        document: the file.
        file: what it holds.
        source: the contract of the source it is named after, None where there is none or it has faults of its own.
        faults: receives every fault.
    """
    seen: set[object] = set()
    for index, item in enumerate(file.corrections):
        path = ("corrections", index)
        cell = (tuple(sorted(item.where.items(), key=repr)), item.column)
        if item.id in seen or cell in seen:
            faults.append(document.fault(path, f"correction {item.id} or its cell stands here a second time"))
        seen |= {item.id, cell}
        if source:
            names = [column.name for column in source.columns]
            strange = [name for name in (*item.where, item.column) if name not in names]
            told = [f"{item.id}: {unknown(name, f'column of {source.id}', names)}" for name in strange]
            faults.extend(document.fault(path, message) for message in told)
            missing = [name for name in source.key if name not in item.where]
            if missing:
                said = f"{item.id}: where must name the whole key, {', '.join(missing)} is missing"
                faults.append(document.fault(path, said))
