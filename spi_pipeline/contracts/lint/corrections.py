"""Whether the corrections of a source fit its contract; the step that applies them compares them with its figures."""

from spi_pipeline.contracts.errors import Fault
from spi_pipeline.contracts.models.corrections import CorrectionFile
from spi_pipeline.contracts.models.tables import Source
from spi_pipeline.contracts.reading.documents import Document, unknown


def check_corrections(document: Document, file: CorrectionFile, source: Source | None, faults: list[Fault]) -> None:
    """Check a file of corrections against its source: columns exist, and each id and cell appears once.

    Args:
        document: the file.
        file: its content.
        source: the contract of the source that the file is named after; None if there is none, or if it has faults.
        faults: receives every fault.
    """
    seen: set[object] = set()
    for index, item in enumerate(file.corrections):
        path = ("corrections", index)
        cell = (tuple(sorted(item.where.items(), key=repr)), item.column)
        if item.id in seen or cell in seen:
            faults.append(document.fault(path, f"correction {item.id}: its id or its cell appears twice; keep one"))
        seen |= {item.id, cell}
        if source:
            names = [column.name for column in source.columns]
            strange = [name for name in (*item.where, item.column) if name not in names]
            messages = [f"{item.id}: {unknown(name, f'column of {source.id}', names)}" for name in strange]
            missing = [name for name in source.key if name not in item.where]
            if missing:
                messages.append(f"{item.id}: where must name the whole key, {', '.join(missing)} is missing")
            faults.extend(document.fault(path, message) for message in messages)
