"""Signs that a file holds personal data: the names of its columns, and the form of their cells.

A file with such a sign, even in a hidden sheet, is refused whole, since it would be stored unchanged. If a sign is
wrong, remove the column from the file; if a sign is missing, add it here.
"""

import re
from collections.abc import Callable, Iterable, Sequence

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.own.cells import Sheet, column_letter
from spi_pipeline.publishers.own.days import day_of

# The name of a column is searched for among its first texts, this many.
_HEADERS = 30
_PEOPLE = (
    "customer|client|patient|person|people|victim|complainant|caller|tenant|applicant|resident|pupil|student|child|"
    "parent|carer|staff|officer|contact|owner|user|service user|claimant|offender|suspect|witness|member"
)
_NAMES: dict[str, str] = {
    "people's names": (
        rf"names?|(?:fore|sur|first|last|full|middle|maiden|given|family)[ -]?names?|(?:{_PEOPLE})s?'? names?"
    ),
    "dates of birth": r"d ?o ?b|(?:date of )?birth(?: ?da(?:te|y))?|born(?: on)?",
    "NHS numbers": r"nhs(?: ?(?:number|no|id))?",
    "National Insurance numbers": r"(?:national insurance|ni)(?: (?:number|no))?|nino",
    "e-mail addresses": r"e ?mails?(?: address(?:es)?)?",
    "telephone numbers": r"(?:home |work |contact )?(?:(?:tele)?phones?|mobiles?|tel)(?: ?(?:number|no))?",
    "addresses": r"(?:(?:home|postal|street|full|property|incident|email|"
    + _PEOPLE
    + r") )?address(?:es)?(?: ?line)?(?: ?\d)?",
    "houses": r"(?:house|flat|door|property|building)(?: (?:number|no|name|id))|uprn",
    "numbers of people": rf"(?:{_PEOPLE}|case) ?(?:id|ref|reference|number|no)|upn|passport(?: ?(?:number|no))?",
}
_STREETS = (
    "road|rd|street|avenue|ave|close|lane|drive|way|crescent|court|gardens|place|terrace|grove|hill|walk|green|square|"
    "house|park"
)
_EMAIL = re.compile(r"[^@\s,;]+@[^@\s,;]+\.[a-z]{2,}", re.IGNORECASE)
_PHONE = re.compile(r"(?:\+44|0)[1-37-9]\d{8,9}")
_NHS = re.compile(r"\d{3}[ -]?\d{3}[ -]?\d{4}")
_ADDRESS = re.compile(
    rf"(?:(?:flat|apartment) \d+[a-z]?,? )?\d+[a-z]?,? [a-z][a-z' .-]* (?:{_STREETS})\b.*", re.IGNORECASE
)
# The events that a council records span fewer years than this; dates of birth span more.
_YEARS_OF_BIRTHS = 20


def refuse_persons(sheets: Iterable[Sheet], is_place: Callable[[str], bool]) -> None:
    """Refuse a file with signs of personal data.

    Args:
        sheets: every sheet of the file.
        is_place: recognises names of wards, which a column "Name" may hold.

    Raises:
        SpiError: naming file, sheet and column, the sign, and what to do.
    """
    for sheet in sheets:
        width = max((len(cells) for _, cells in sheet.rows), default=0)
        for index in range(width):
            column = [(number, cells[index]) for number, cells in sheet.rows if index < len(cells) and cells[index]]
            if sign := _by_name(column, is_place) or _by_values(column):
                raise SpiError(
                    f"{sheet.label}, column {column_letter(index)}: {sign}; an index must not use personal data: "
                    "remove the column, or supply counts by area instead"
                )


def _by_name(column: Sequence[tuple[int, str]], is_place: Callable[[str], bool]) -> str:
    for place, (number, text) in enumerate(column[:_HEADERS]):
        words = re.sub(r"[^\w' ]+", " ", text.replace("_", " ")).casefold()
        words = " ".join(words.split())
        for kind, pattern in _NAMES.items():
            if re.fullmatch(pattern, words):
                below = [cell for _, cell in column[place + 1 :]]
                areas = sum(map(is_place, below))
                if below and not (words in ("name", "names") and 2 * areas >= len(below)):
                    return f"the name {text!r} in row {number} suggests that it holds {kind}"
    return ""


def _by_values(column: Sequence[tuple[int, str]]) -> str:
    looks: dict[str, Callable[[str], object]] = {
        "an e-mail address": _EMAIL.fullmatch,
        "a telephone number": lambda cell: _PHONE.fullmatch(re.sub(r"[ ()-]", "", cell).replace("+440", "+44")),
        "an address": _ADDRESS.fullmatch,
    }
    for kind, is_one in looks.items():
        if hits := [number for number, cell in column if is_one(cell)]:
            more = f" and {len(hits) - 1:,} more" if len(hits) > 1 else ""
            return f"row {hits[0]}{more} holds what looks like {kind}"
    numbers = [(row, re.sub(r"\D", "", cell)) for row, cell in column if _NHS.fullmatch(cell)]
    valid = [row for row, digits in numbers if is_nhs_number(digits)]
    # One in eleven ten-digit numbers passes by chance.
    if 2 * len(valid) > len(numbers):
        return f"row {valid[0]} and {len(valid) - 1:,} more hold what look like NHS numbers, by their check digit"
    years = sorted(day.year for _, cell in column if (day := day_of(cell)))
    # A spreadsheet shows a 0 among dates as a day of 1900.
    if len(years) > 2 and years[-1] - years[0] >= _YEARS_OF_BIRTHS and years[0] > 1900:
        return f"it holds days of {years[0]} to {years[-1]}, as dates of birth do"
    return ""


def is_nhs_number(digits: str) -> bool:
    """Whether ten digits end with the check digit of an NHS number.

    The NHS Data Dictionary weights the first nine digits by 10 to 2. The check digit is 11 minus the remainder of the
    weighted sum divided by 11; 11 becomes 0, and numbers for which it would be 10 are not issued.
    """
    check = 11 - sum(weight * int(digit) for weight, digit in zip(range(10, 1, -1), digits, strict=False)) % 11
    return len(digits) == 10 and check != 10 and check % 11 == int(digits[9])
