"""Known errors in publishers' figures: the cell, the value expected in it, the value put there instead, and why.

A correction is about one release of a source. The step that applies it decides what happens when it no longer fits.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from spi_pipeline.contracts.models.vocabulary import Day, Strict

Cell = str | int | float | bool | None


class Correction(Strict):
    """One corrected cell.

    Attributes:
        id: its name in messages and in the catalogue.
        where: the row, identified by values of its columns.
        column: the column of the cell, not one of those in ``where``.
        expected: the value in the publisher's figures.
        value: the value put in its place; null if the right figure is not known.
        reason: why the published figure is wrong, in a sentence that says how that is known.
        since: the day the correction was decided.
        status: whether the error was reported, and the publisher's response.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    where: dict[str, Cell] = Field(min_length=1)
    column: str
    expected: Cell
    value: Cell
    reason: str = Field(min_length=20)
    since: Day
    status: Literal["not_reported", "reported", "acknowledged", "will_not_be_fixed"]

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
