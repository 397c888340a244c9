"""Faults of the geography: wards and authorities that contradict each other."""

from __future__ import annotations

from pathlib import Path

import pytest

from spi_pipeline.contracts.errors import Fault, SpiError
from spi_pipeline.contracts.models.geography import Authority, Geography
from spi_pipeline_tests.contracts.mutation import assert_fault, case, change, faults


@pytest.mark.parametrize(
    ("file", "old", "new", "message", "at"),
    [
        case(
            "former ward in force", "geography.yaml",
            "former_wards:\n",
            "former_wards:\n  E05014736: Beech Hill\n",
            "ward E05014736 is listed under former_wards too; it is in force or it is former", at="name: Beech Hill",
        ),
        case(
            "ward twice", "geography.yaml",
            "code: E05014736",
            "code: E05014735",
            "ward E05014735 is listed twice; keep one of them",
        ),
        case(
            "ward name twice", "geography.yaml",
            "name: Beech Hill",
            "name: Barnfield",
            "a second ward of E06000032 is named 'Barnfield'; names must differ",
        ),
        case(
            "unknown authority", "geography.yaml",
            "name: Beech Hill, authority: E06000032",
            "name: Beech Hill, authority: E06000033",
            "ward E05014736: 'E06000033' is not a code of a listed authority; nearest is 'E06000032', "
            "allowed are E06000032",
        ),
        case(
            "authority without wards", "geography.yaml",
            "\nwards:\n",
            "  - {code: E06000099, name: Nowhere, police_force: none}\n\nwards:\n",
            "authority E06000099 has no ward; list its wards",
        ),
        case(
            "unknown small areas", "geography.yaml",
            "lsoa21: 125",
            "lsoa12: 125",
            "authorities.Luton.small_areas.lsoa12: 'lsoa12' is not a value of this key; nearest is 'lsoa21', "
            "allowed are "
            "lsoa11, lsoa21, msoa11, msoa21, oa21",
        ),
        case(
            "ward names that differ in punctuation alone", "geography.yaml",
            "name: Beech Hill",
            'name: "Barn-field"',
            "a second ward of E06000032 is named 'Barn-field'; names must differ",
        ),
    ],
)  # fmt: skip
def test_a_broken_ward_list(root: Path, file: str, old: str, new: str, message: str, at: str | None) -> None:
    assert_fault(root, file, old, new, message, at)


def test_points_that_cannot_be_placed_are_refused(root: Path) -> None:
    file = "geography.yaml"
    line = change(root, file, "police_force: bedfordshire}", "police_force: bedfordshire, placed_by: best_fit}")
    assert faults(root) == [
        Fault(
            file, line,
            f"authority E06000032 is placed by best_fit, but source {source} holds points without LSOAs; list {source} "
            "under without, or supply ward boundaries and use postcodes",
        )
        for source in ("road_collisions", "stop_and_search")
    ]  # fmt: skip


def test_sources_that_an_authority_lacks_must_exist(root: Path) -> None:
    line = change(root, "geography.yaml", "bedfordshire}", "bedfordshire, without: [{sources: [bus], reason: None.}]}")
    (fault,) = faults(root)
    assert (fault.file, fault.line) == ("geography.yaml", line)
    assert fault.message.startswith("authority E06000032: 'bus' is not a source; ")


def authority(code: str, **small_areas: int) -> Authority:
    return Authority.model_validate({"code": code, "name": code, "police_force": "county", "small_areas": small_areas})


def geography(*authorities: Authority) -> Geography:
    return Geography(vintage="2023-05", authorities=list(authorities), wards=[])


def test_a_lookup_must_list_as_many_small_areas_as_its_authorities_state() -> None:
    towns = geography(authority("E06000001", lsoa21=2), authority("E06000002", lsoa21=1))
    assert towns.known("lsoa21", lambda *_: ["a", "b", None, "c", "a"]) == {"a", "b", "c"}
    assert towns.known("oa21", lambda *_: ["a"]) == {"a"}  # no authority states a number of output areas
    silent = geography(authority("E06000001", lsoa21=2), authority("E06000002"))
    assert silent.known("lsoa21", lambda *_: ["a"]) == {"a"}
    for known in (["a", "b"], ["a", "b", "c", "d"]):
        with pytest.raises(SpiError) as fault:
            towns.known("lsoa21", lambda *_, held=known: held)
        assert str(fault.value) == (
            f"the embedded table lsoa_best_fit lists {len(known)} areas of lsoa21, geography.yaml states 3 under "
            "small_areas: restore the table, or write it with spi snapshot build --from FOLDER, or correct the number"
        )
