"""Area codes as words in messages and as keys to check: former codes, unknown codes and the code for "outside".

No geometry and no allocation here.
"""

from collections.abc import Collection, Iterable, Mapping

import pandas as pd

from spi_pipeline.contracts.errors import SpiError

OUTSIDE = "outside"
"""Stands in ``area_code`` of the weights for the part of a small area that lies in no configured ward."""

LEVEL_OF = {"00": "oa", "01": "lsoa", "02": "msoa", "05": "ward"}
"""The level of an area by the second and third character of its code."""

LISTED = 10


def listed(items: Collection[str]) -> str:
    """Name up to ten items and how many more there are, for a message.

    Args:
        items: the texts to name, in the order wanted.

    Returns:
        Such as ``E05002193, E05002194 and 3 more``.
    """
    shown = ", ".join(list(items)[:LISTED])
    return shown if len(items) <= LISTED else f"{shown} and {len(items) - LISTED} more"


def check_area_codes(
    codes: Iterable[object], known: Collection[str], former: Mapping[str, str], where: str = "the table"
) -> None:
    """Refuse codes that are not those of the geography in force.

    Ward names repeat across vintages with other edges, so a former code is never translated by its name.

    Args:
        codes: the codes met, repeats allowed; a missing code counts as unknown.
        known: the codes in force.
        former: codes no longer in force, with the names they had.
        where: what holds the codes, for the message.

    Raises:
        SpiError: listing former and unknown codes separately, up to ten each and how many more.
    """
    met = {"(empty)" if pd.isna(code) else str(code) for code in pd.unique(pd.Series(list(codes), dtype=object))}
    strange = sorted(met - set(known))
    old = [f"{code} ({former[code]})" for code in strange if code in former]
    unknown = [code for code in strange if code not in former]
    found = [f"the former ward codes {listed(old)}"] if old else []
    found += [f"the unknown area codes {listed(unknown)}"] if unknown else []
    if found:
        raise SpiError(
            f"{where} holds {' and '.join(found)}: "
            "supply it on the geography in force; areas of another vintage are never matched by name."
        )
