"""Reading the columns of values: numbers, codes and editions, with all their faults.

``values`` decides which columns are read and where each value belongs.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from spi_pipeline.engine.framework.faults import LARGEST, Faults, quoted
from spi_pipeline.engine.panel import Positions

# Numbers that describe an area, not one of its values.
AREA_NUMBERS = ("population", "standing")
NUMBERS = ("value", "numerator", "denominator", "lower", "upper", "allocation_error", *AREA_NUMBERS)
# Missing in a column of numbers; in a column of codes NA is Namibia.
BLANK = ("", "NA", "NaN")
# Whole numbers up to this limit are exact; a larger edition is read as text.
EXACT = 1e15


def read_numbers(rows: pd.DataFrame, name: str, faults: Faults) -> pd.Series:
    """Read a column of numbers, NaN where it is blank; any entry that is not a usable number is a fault."""
    column = without_blanks(rows[name])
    if isinstance(column.dtype, np.dtype) and column.dtype.kind == "f":
        array = column.to_numpy(dtype=float)
        if not (np.abs(array) > LARGEST).any():
            return pd.Series(array, index=column.index)
    if column.dtype.kind in "bmM":  # booleans and dates, which would be read as numbers
        column = column.astype(str)
    elif column.dtype.kind == "O":
        column = column.astype(object)
        truth = np.array([isinstance(one, bool | np.bool_) for one in column], dtype=bool)
        column = column.mask(truth, column.astype(str))
    numbers = pd.Series(pd.to_numeric(column, errors="coerce").to_numpy(dtype=float, na_value=np.nan), column.index)
    size = numbers.abs()

    def description(row: int) -> str:
        owner = "" if name in AREA_NUMBERS else f" of {rows['indicator_id'].iloc[row]}"
        return f"{name}{owner} is {quoted(str(column.iloc[row]))}, which is"

    written = "write it in digits with a point for decimals, or leave it blank if it is missing"
    text = np.flatnonzero(numbers.isna() & entered(column))
    faults.rows(text, lambda row: f"{description(row)} not a number: {written}", f"{name}s are not a number")
    infinite = np.flatnonzero(size == np.inf)
    faults.rows(infinite, lambda row: f"{description(row)} infinite: {written}", f"{name}s are infinite")
    large = np.flatnonzero((size > LARGEST) & (size < np.inf))
    remedy = "correct it, or give all in a larger unit"
    faults.rows(large, lambda row: f"{description(row)} too large to compute with: {remedy}", f"{name}s are too large")
    return numbers


def check_numbers(numbers: dict[str, pd.Series], faults: Faults) -> None:
    """Append faults of numbers that can be read but are not admissible in their column."""
    if "population" in numbers:
        message = "the population is not above 0: correct it or leave it blank"
        faults.rows(np.flatnonzero(numbers["population"] <= 0), message, "populations are not above 0")
    if "allocation_error" in numbers:
        message = "the allocation_error is below 0: give a standard error of 0 or more"
        faults.rows(np.flatnonzero(numbers["allocation_error"] < 0), message, "allocation_errors are below 0")
    if {"lower", "upper"} <= set(numbers):
        crossed = np.flatnonzero(numbers["lower"] > numbers["upper"])
        faults.rows(crossed, "lower is above upper: swap them", "have lower above upper")


def without_blanks(column: pd.Series) -> pd.Series:
    """A column of numbers with the markers of missing values removed."""
    if column.dtype.kind in "fiu":
        return column
    return column.astype(object).mask(column.astype(str).str.strip().isin(BLANK).to_numpy(), None)


def entered(column: pd.Series) -> pd.Series:
    """Flags for the rows that are not blank, whether they hold a number or not."""
    if column.dtype.kind in "fiu":
        return column.notna()
    return column.notna() & (column.astype(str).str.strip() != "")


def labels(column: pd.Series) -> tuple[Positions, list[str]]:
    """The stripped text of every row, as positions in the sorted distinct texts; a missing text is blank."""
    if column.dtype.kind == "f" and (column.isna() | ((column == column.round()) & (column.abs() < EXACT))).all():
        column = column.astype("Int64")  # whole numbers that became floats because some are missing
    known = column if isinstance(column.dtype, pd.CategoricalDtype) else column.astype("category")
    words = [str(word).strip() for word in known.cat.categories] + [""] * bool(known.isna().any())
    different = sorted(set(words))
    place = {word: number for number, word in enumerate(different)}
    # A missing row has code -1, which selects the last, blank word.
    return np.array([place[word] for word in words])[known.cat.codes.to_numpy()], different


def read_editions(rows: pd.DataFrame, faults: Faults) -> tuple[Positions, list[int] | list[str]]:
    """Read editions as whole numbers where all of them are, else as text; one blank edition without the column."""
    if "edition" not in rows:
        return np.zeros(len(rows), dtype=np.intp), [""]
    position, words = labels(rows["edition"])
    blank = position_of("", words)
    if blank >= 0 and len(words) > 1:
        message = "the edition is blank, those of other rows are not: fill it in"
        faults.rows(np.flatnonzero(position == blank), message, "editions are blank")
    numbers = pd.to_numeric(pd.Series(words, dtype=object), errors="coerce")
    if not (numbers.abs() < EXACT).all() or not (numbers == numbers.round()).all():
        return position, words
    whole = numbers.astype("int64").to_numpy()
    different, place = np.unique(whole, return_inverse=True)
    return place[position], [int(year) for year in different]


def position_of(word: str, words: list[str]) -> int:
    """The position of a word in a list; -1 where it is not in the list."""
    return words.index(word) if word in words else -1
