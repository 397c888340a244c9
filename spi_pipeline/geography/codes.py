"""Checks of area codes and their wording in messages: former codes, unknown codes and the code for "outside"."""

from collections.abc import Collection, Iterable, Mapping

import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.rules.wording import listing

OUTSIDE = "outside"
"""The ``area_code`` in the weights of the part of a small area that lies in no configured ward."""

LEVEL_OF = {"00": "oa", "01": "lsoa", "02": "msoa", "05": "ward"}
"""The level of an area by the second and third character of its code."""


def check_area_codes(
    codes: Iterable[object], known: Collection[str], former: Mapping[str, str], where: str = "the table"
) -> None:
    """Refuse codes that do not belong to the geography in force.

    A ward name can stand for other boundaries in another vintage, so a former code is never translated by its name.

    Args:
        codes: the codes to check, repeats allowed; a missing code counts as unknown.
        known: the codes in force.
        former: codes no longer in force, with the names they had.
        where: the table or file that holds the codes, for the message.

    Raises:
        SpiError: lists former and unknown codes separately, up to ten each, and how many more there are.
    """
    met = {"(empty)" if pd.isna(code) else str(code) for code in pd.unique(pd.Series(list(codes), dtype=object))}
    foreign = sorted(met - set(known))
    old = [f"{code} ({former[code]})" for code in foreign if code in former]
    unknown = [code for code in foreign if code not in former]
    faults = [f"the former ward codes {listing(old)}"] if old else []
    faults += [f"the unknown area codes {listing(unknown)}"] if unknown else []
    if faults:
        raise SpiError(
            f"{where} holds {' and '.join(faults)}: "
            "supply figures for the areas in force. Areas of another vintage are never matched by name, as their "
            "edges differ."
        )
