"""Known errors of publishers' figures: which cell, what it must hold before, what is put there, and why.

A correction is a statement about one release. What happens when it no longer fits is for those who apply it.
"""

from __future__ import annotations

import datetime as dt
from typing import Literal

from pydantic import Field, field_validator, model_validator

from spi_pipeline.contracts.documents import Document, unknown
from spi_pipeline.contracts.errors import Fault
from spi_pipeline.contracts.tables import Source
from spi_pipeline.contracts.vocabulary import Strict

Cell = str | int | float | bool | None


class Correction(Strict):
    """One cell corrected.

    Attributes:
        id: names it in messages and in the catalogue.
        where: the row, by values of columns that single it out.
        column: the cell's column, none of those of ``where``.
        expected: what the publisher's figures hold there.
        value: what is put in its place; null where the right figure is not known.
        reason: why the published figure is wrong, in a sentence that says how that is known.
        since: the day it was decided, YYYY-MM-DD.
        status: how far the publisher is.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    where: dict[str, Cell] = Field(min_length=1)
    column: str
    expected: Cell
    value: Cell
    reason: str = Field(min_length=20)
    since: str
    status: Literal["not_reported", "reported", "acknowledged", "will_not_be_fixed"]

    @field_validator("since")
    @classmethod
    def _real(cls, day: str) -> str:
        dt.date.fromisoformat(day)
        return day

    @model_validator(mode="after")
    def _changes_one_cell(self) -> Correction:
        if self.column in self.where:
            raise ValueError(f"{self.column} both singles out the row and is corrected")
        if self.expected == self.value:
            raise ValueError("expected and value are the same, so there is nothing to correct")
        return self


class CorrectionFile(Strict):
    """The corrections of one source."""

    corrections: list[Correction] = Field(min_length=1)


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
