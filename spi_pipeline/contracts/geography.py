"""The wards an index is computed for: one vintage, by code."""

from __future__ import annotations

from functools import cached_property

from pydantic import Field

from spi_pipeline.contracts.vocabulary import Strict


class Authority(Strict):
    """A local authority whose wards are scored.

    Attributes:
        code: its ONS code.
        name: its name.
        police_force: slug of the force that polices it.
    """

    code: str = Field(pattern=r"^[EW]\d{8}$")
    name: str
    police_force: str


class Ward(Strict):
    """An electoral ward of the stated vintage."""

    code: str = Field(pattern=r"^[EW]05\d{6}$")
    name: str
    authority: str


class Geography(Strict):
    """The ward list of one vintage.

    Attributes:
        vintage: when these wards came into force, such as ``2023-05``.
        authorities: the authorities covered.
        wards: every ward of those authorities.
        former_wards: codes of the sets before, with their names: refused wherever they appear, since most names exist
            in both sets with different boundaries.
    """

    vintage: str = Field(pattern=r"^\d{4}-\d{2}$")
    authorities: list[Authority]
    wards: list[Ward]
    former_wards: dict[str, str] = Field(default_factory=dict)

    @cached_property
    def ward_codes(self) -> tuple[str, ...]:
        """Codes of all wards, ascending."""
        return tuple(sorted(ward.code for ward in self.wards))

    @cached_property
    def authority_codes(self) -> tuple[str, ...]:
        """Codes of all authorities, ascending."""
        return tuple(sorted(authority.code for authority in self.authorities))

    def ward_code(self, name: str, authority_name: str) -> str | None:
        """The code of a ward named in a table that has names only, or None when no such ward is listed.

        Names mean something only within one authority and one vintage; the source's contract must say which.
        """
        codes = {authority.code for authority in self.authorities if authority.name == authority_name}
        found = [ward.code for ward in self.wards if ward.name == name and ward.authority in codes]
        return found[0] if len(found) == 1 else None
