"""The areas that are scored."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

Labels = npt.NDArray[np.object_]


@dataclass(frozen=True)
class Areas:
    """The areas scored.

    Attributes:
        authority_of: authority of each ward, by ward code.
    """

    authority_of: pd.Series

    @cached_property
    def wards(self) -> list[str]:
        """Ward codes, ascending."""
        return sorted(self.authority_of.index)

    @cached_property
    def all(self) -> list[str]:
        """Ward codes, then authority codes."""
        return [*self.wards, *self.by_authority]

    @cached_property
    def by_authority(self) -> dict[str, list[str]]:
        """The wards of each authority and the authority itself, by its code."""
        groups = self.authority_of.groupby(self.authority_of).groups
        return {str(code): [*sorted(wards), str(code)] for code, wards in sorted(groups.items())}

    def authorities(self, codes: Iterable[str]) -> Labels:
        """The authority of each area; an authority is its own."""
        authorities: Labels = np.array([self.authority_of.get(code, code) for code in codes], dtype=object)
        return authorities
