"""Known errors of publishers' figures: which cell, what it must hold before, what is put there, and why.

A correction is a statement about one release. What happens when it no longer fits is for those who apply it.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from spi_pipeline.contracts.models.vocabulary import Day, Strict

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
        since: the day it was decided.
        status: how far the publisher is.
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
