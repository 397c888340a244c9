"""What the columns of values hold: numbers, codes and editions, with every fault of theirs.

Which column is looked at for what, and where a value belongs, is in ``values``.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from spi_pipeline.engine.framework.faults import LARGEST, Faults, quoted
from spi_pipeline.engine.panel import Positions

# Numbers of an area, not of one of its values.
BY_UNIT = ("population", "standing")
NUMBERS = ("value", "numerator", "denominator", "lower", "upper", "allocation_error", *BY_UNIT)
# Missing in a column of numbers; in a column of codes NA is Namibia.
BLANK = ("", "NA", "NaN")
# Whole numbers up to here are exact; an edition beyond is text.
EXACT = 1e15


def read_numbers(rows: pd.DataFrame, name: str, faults: Faults) -> pd.Series:
    """A column of numbers, NaN where nothing is written; what is no number that can be computed with is a fault."""
    column = without_blanks(rows[name])
    if isinstance(column.dtype, np.dtype) and column.dtype.kind == "f":
        array = column.to_numpy(dtype=float)
        if not (np.abs(array) > LARGEST).any():
            return pd.Series(array, index=column.index)
    if column.dtype.kind in "bmM":  # truth and dates, which would be taken for numbers
        column = column.astype(str)
    elif column.dtype.kind == "O":
        column = column.astype(object)
        truth = np.array([isinstance(one, bool | np.bool_) for one in column], dtype=bool)
        column = column.mask(truth, column.astype(str))
    numbers = pd.Series(pd.to_numeric(column, errors="coerce").to_numpy(dtype=float, na_value=np.nan), column.index)
    size = numbers.abs()

    def said(row: int) -> str:
        of = "" if name in BY_UNIT else f" of {rows['indicator_id'].iloc[row]}"
        return f"{name}{of} is {quoted(str(column.iloc[row]))}, which is"

    written = "write it in digits with a point for decimals, or leave it blank"
    text = np.flatnonzero(numbers.isna() & entered(column))
    faults.rows(text, lambda row: f"{said(row)} not a number: {written}", f"{name}s are not a number")
    infinite = np.flatnonzero(size == np.inf)
    faults.rows(infinite, lambda row: f"{said(row)} infinite: {written}", f"{name}s are infinite")
    large = np.flatnonzero((size > LARGEST) & (size < np.inf))
    remedy = "correct it, or give all in a larger unit"
    faults.rows(large, lambda row: f"{said(row)} too large to compute with: {remedy}", f"{name}s are too large")
    return numbers


def check_numbers(numbers: dict[str, pd.Series], faults: Faults) -> None:
    """Append what is wrong with numbers that are each one by itself."""
    if "population" in numbers:
        said = "the population is not above 0: correct it or leave it blank"
        faults.rows(np.flatnonzero(numbers["population"] <= 0), said, "populations are not above 0")
    if "allocation_error" in numbers:
        said = "the allocation_error is below 0: give a standard error of 0 or more"
        faults.rows(np.flatnonzero(numbers["allocation_error"] < 0), said, "allocation_errors are below 0")
    if {"lower", "upper"} <= set(numbers):
        crossed = np.flatnonzero(numbers["lower"] > numbers["upper"])
        faults.rows(crossed, "lower is above upper: exchange them", "have lower above upper")


def without_blanks(column: pd.Series) -> pd.Series:
    """A column of numbers, what stands for a missing one gone."""
    if column.dtype.kind in "fiu":
        return column
    return column.astype(object).mask(column.astype(str).str.strip().isin(BLANK).to_numpy(), None)


def entered(column: pd.Series) -> pd.Series:
    """Where anything is written, a number or not."""
    if column.dtype.kind in "fiu":
        return column.notna()
    return column.notna() & (column.astype(str).str.strip() != "")


def labels(column: pd.Series) -> tuple[Positions, list[str]]:
    """The text of every row, stripped, as positions in the sorted different texts; blank where there is none."""
    if column.dtype.kind == "f" and (column.isna() | ((column == column.round()) & (column.abs() < EXACT))).all():
        column = column.astype("Int64")  # whole numbers, made fractions by a gap among them
    known = column if isinstance(column.dtype, pd.CategoricalDtype) else column.astype("category")
    words = [str(word).strip() for word in known.cat.categories] + [""] * bool(known.isna().any())
    different = sorted(set(words))
    place = {word: number for number, word in enumerate(different)}
    # A missing row has code -1, which is the last word.
    return np.array([place[word] for word in words])[known.cat.codes.to_numpy()], different


def read_editions(rows: pd.DataFrame, faults: Faults) -> tuple[Positions, list[int] | list[str]]:
    """Whole numbers where all are, else text; one blank edition where it is left out."""
    if "edition" not in rows:
        return np.zeros(len(rows), dtype=np.intp), [""]
    position, words = labels(rows["edition"])
    blank = position_of("", words)
    if blank >= 0 and len(words) > 1:
        said = "the edition is blank, those of other rows are not: fill it in"
        faults.rows(np.flatnonzero(position == blank), said, "editions are blank")
    numbers = pd.to_numeric(pd.Series(words, dtype=object), errors="coerce")
    if not (numbers.abs() < EXACT).all() or not (numbers == numbers.round()).all():
        return position, words
    whole = numbers.astype("int64").to_numpy()
    different, place = np.unique(whole, return_inverse=True)
    return place[position], [int(year) for year in different]


def position_of(word: str, words: list[str]) -> int:
    """Where a word stands among others; -1 where it is none of them."""
    return words.index(word) if word in words else -1
