"""The national readers on invented files of an England of two authorities: results worked out by hand, and refusals."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from spi_pipeline.cli import app
from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.publishers.files.england import CRIMES, GARDENS, REGIONS, England, read_former_msoas
from spi_pipeline.publishers.files.folder import Folder
from spi_pipeline.publishers.offers import OFFERS
from spi_pipeline.publishers.parliament import RESULTS
from spi_pipeline_tests.imitations.fixtures import CONTENT, put
from spi_pipeline_tests.imitations.messages import parquet, workbook, zipped
from spi_pipeline_tests.imitations.publishers.ons_geography import files
from spi_pipeline_tests.imitations.tables import LUTON

OTHER = "E06000099"
LSOA_2011 = "geography/lsoa11_lsoa21_lad22_exact_fit_ew_v3.csv.gz"
BEST_FIT = "geography/lookup_lsoa21_ward24_ltla24.csv.gz"
MSOAS = "geography,geography code\nLuton 001,E02900001\nElsewhere 001,E02900009\n"
Run = Callable[[str], pd.DataFrame]


@pytest.fixture
def root(root: Path) -> Path:
    """The small folder, with the names of MSOAs."""
    put(root, "census2021_nomis/census2021-ts001.zip", zipped({"census2021-ts001-msoa.csv": MSOAS}))
    return root


@pytest.fixture
def folder(root: Path) -> Folder:
    return Folder(root)


@pytest.fixture
def run(root: Path, folder: Folder, every_contract: Contracts) -> Run:
    """A function that reads one source for all England."""

    def read(source_id: str) -> pd.DataFrame:
        importer = OFFERS[source_id].read
        assert importer is not None
        return importer(folder, every_contract.sources[source_id], England(root))

    return read


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--from-store", "--england", "--to", "england"], "--england needs --from FOLDER"),
        (["--from", "files", "--england"], "--from FOLDER needs --as-of DAY"),
    ],
)
def test_building_england_requires_files_and_their_date(arguments: list[str], expected: str) -> None:
    result = CliRunner().invoke(app, ["snapshot", "build", *arguments], env={"COLUMNS": "200"})
    assert result.exit_code == 2
    assert expected in result.output


def test_a_build_without_a_national_file_is_refused_and_writes_nothing(root: Path, tmp_path: Path) -> None:
    to = tmp_path / "england"
    arguments = ["--from", str(root), "--england", "--as-of", "2026-05-01", "--to", str(to)]
    result = CliRunner().invoke(app, ["snapshot", "build", *arguments])
    assert result.exit_code != 0
    assert isinstance(result.exception, SpiError)
    assert "docs/snapshot-folder.md" in str(result.exception)
    assert not to.exists()


def rows(frame: pd.DataFrame) -> list[tuple[object, ...]]:
    return sorted(frame.itertuples(index=False, name=None))


def test_england_holds_every_best_fit_ward_with_its_authority_and_no_ward_of_wales(root: Path) -> None:
    england = England(root).geography
    assert england.ward_codes == ("E05014735", "E05014749", "E05014999")
    assert [(one.code, one.name, one.police_force, one.placed_by) for one in england.authorities] == [
        (LUTON, "Luton", "bedfordshire", "best_fit"),
        (OTHER, "Elsewhere", "thames-valley", "best_fit"),
    ]


def test_wards_have_no_boundary_and_their_origin_is_the_lookup(run: Run, folder: Folder) -> None:
    assert rows(run("wards").drop(columns="geometry")) == [
        ("E05014735", "Barnfield", LUTON), ("E05014749", "Saints", LUTON), ("E05014999", "Other, Ward", OTHER),
    ]  # fmt: skip
    assert [item.file for item in folder.collect()] == [BEST_FIT]


def test_an_authority_has_the_region_of_most_lsoas_and_the_force_of_crimes_throughout(run: Run) -> None:
    assert rows(run("authority_lookup")) == [
        (LUTON, "Luton", "East of England", "bedfordshire"), (OTHER, "Elsewhere", "South East", "thames-valley"),
    ]  # fmt: skip


def test_an_authority_without_a_force_is_named(root: Path, run: Run) -> None:
    put(root, CRIMES, parquet({name: values[:5] for name, values in files.CRIMES.items()}))
    with pytest.raises(
        SpiError, match=rf"^{CRIMES} holds no crimes in {OTHER}, so their police force is unknown; supply"
    ):
        run("authority_lookup")


def test_forces_without_files_follow_from_borough_codes_and_crimes_must_not_contradict(root: Path) -> None:
    lookup = str(CONTENT[BEST_FIT])
    put(root, BEST_FIT, lookup.replace(OTHER, "E08000036"))
    put(root, CRIMES, parquet({name: values[:5] for name, values in files.CRIMES.items()}))
    forces = {one.code: one.police_force for one in England(root).geography.authorities}
    assert forces == {LUTON: "bedfordshire", "E08000036": "west-yorkshire"}
    put(root, CRIMES, CONTENT[CRIMES])
    with pytest.raises(SpiError, match="has thames-valley all over E08000036, which by its number is west-yorkshire"):
        England(root)


def test_an_authority_without_a_region_is_named(root: Path, run: Run) -> None:
    put(root, REGIONS, workbook({"Table 3": files.LILEE[:-1]}))
    with pytest.raises(SpiError, match=rf"^{REGIONS} has no region of {OTHER}"):
        run("authority_lookup")


@pytest.mark.parametrize(
    ("codes", "pairs"),
    [
        # Unchanged; split; two MSOAs merged; two MSOAs that exchanged a part.
        (["E02000001", "E02000001", "E02900009"], [("E02000001", "E02000001", "U")]),
        (["E02000003", "E02000004", "E02900009"], [("E02000001", "E02000003", "S"), ("E02000001", "E02000004", "S")]),
        (["E02000003", "E02000003", "E02000003"], [("E02000001", "E02000003", "M"), ("E02900009", "E02000003", "M")]),
        (["E02000003", "E02000004", "E02000004"],
         [("E02000001", "E02000003", "S"), ("E02000001", "E02000004", "X"), ("E02900009", "E02000004", "M")]),
    ],
)  # fmt: skip
def test_how_an_msoa_of_2011_changed_follows_from_its_lsoas(
    root: Path, codes: list[str], pairs: list[tuple[str, str, str]]
) -> None:
    gardens = [["Country name", "MSOA code", "MSOA name"], [None, None, None], ["England", "E02000001", "Luton 001"],
               ["England", "E02900009", "Elsewhere 001"]]  # fmt: skip
    put(root, GARDENS, workbook({"MSOA gardens": gardens}))
    put(root, LSOA_2011, str(CONTENT[LSOA_2011]).replace("Luton 001B", "Luton 001C"))
    msoas = pd.DataFrame({"lsoa_code": ["E01900001", "E01900003", "E01900009"], "msoa_code": codes})
    found = rows(read_former_msoas(Folder(root), msoas))
    unchanged = [("E02900009", "E02900009", "U")] if codes[2] == "E02900009" else []
    assert found == sorted([*pairs, *unchanged])


def test_an_lsoa_named_after_no_msoa_is_reported(root: Path, run: Run) -> None:
    put(root, GARDENS, workbook({"MSOA gardens": [["Country name", "MSOA code", "MSOA name"], [None, None, None],
                                                  ["England", "E02900009", "Elsewhere 001"]]}))  # fmt: skip
    with pytest.raises(SpiError, match=r"has LSOAs whose MSOA is not in .*: Luton 001A, Luton 001B; compare the"):
        run("lsoa_2011_msoa")


def test_wards_that_voted_before_being_redrawn_are_left_out_and_reported(root: Path, run: Run, folder: Folder) -> None:
    lookup = str(CONTENT[BEST_FIT])
    put(root, BEST_FIT, lookup + f"Elsewhere 001B,E01900010,Newer,E05015581,Elsewhere,{OTHER}\n")
    put(
        root,
        RESULTS,
        """DISTRICTNAME,WARDNAME,ELECT,TURNOUT
LUTON,SAINTS,"9,100",31.5
Luton,Barn Field,8000,27.25
Luton,Round Green,8000,27.25
Elsewhere,Other Ward,7000,40
Elsewhere,Newer,7000,40
""",
    )
    assert rows(run("local_elections_2023")) == [
        ("E05014735", "Barn Field", 8000, 27.25), ("E05014749", "SAINTS", 9100, 31.5),
        ("E05014999", "Other Ward", 7000, 40.0),
    ]  # fmt: skip
    assert [item.remark for item in folder.collect()] == [
        "Left out: 0 wards of 0 authorities, most of whose wards are newer (); 1 newer wards elsewhere (Newer in "
        "Elsewhere); 1 wards that the ONS has none of the name of (Round Green in Luton)."
    ]
    put(root, BEST_FIT, lookup.replace("E05014999", "E05015581"))
    assert rows(run("local_elections_2023")["area_code"].to_frame()) == [("E05014735",), ("E05014749",)]


def test_a_district_that_is_not_an_authority_of_england_is_named(root: Path, run: Run) -> None:
    put(root, RESULTS, "DISTRICTNAME,WARDNAME,ELECT,TURNOUT\nLuton,Saints,1,1\nAtlantis,Deep,1,1\n")
    with pytest.raises(SpiError, match="names districts that are not authorities of England: Atlantis"):
        run("local_elections_2023")


def test_fuel_poverty_of_england_covers_the_years_with_a_workbook(run: Run, root: Path) -> None:
    assert rows(run("fuel_poverty_lilee")) == [
        ("E01900001", 400, 40, 2022), ("E01900002", 300, 30, 2022), ("E01900003", 200, 20, 2022),
        ("E01900009", 100, 10, 2022),
    ]  # fmt: skip
    with pytest.raises(SpiError, match=r"^none of energy/2019_Sub-Regional-Data-LILEE.xlsx, energy/2020_"):
        run("fuel_poverty_lilee_2011")


def test_incomes_are_read_from_the_sheet_that_has_them(root: Path, run: Run, folder: Folder) -> None:
    net = "Net annual income{} (£)"
    limits = ["Upper confidence limit (£)", "Lower confidence limit (£)"]
    put(root, "income/income2020_msoa.xlsx", workbook({
        "Contents": [["Income"]],
        "Net": [["Net"], ["MSOA code", net.format(""), *limits], ["E02900001", 1, 2, 0]],
        "After": [["After"], [], ["MSOA code", net.format(" after housing costs"), *limits],
                  ["E02900001", 30000, 35000.0, "25,000"], ["W02000001", 1, 2, 0], [None, None, None, None]],
    }))  # fmt: skip
    assert run("household_income").to_dict("records") == [
        {"area_code": "E02900001", "net_income_after_housing": 30000, "net_income_lower": 25000,
         "net_income_upper": 35000}
    ]  # fmt: skip
    assert [item.file for item in folder.collect()] == ["income/income2020_msoa.xlsx"]


def test_a_workbook_without_the_columns_is_refused(folder: Folder, root: Path) -> None:
    put(root, "book.xlsx", workbook({"One": [[number] for number in range(20)], "Two": [["A"], ["B"]]}))
    with pytest.raises(SpiError, match=r"^book.xlsx has no sheet with the columns \['A', 'B'\]; download it again$"):
        folder.sheet("book.xlsx", "2022", ["B", "A"])
    put(root, "book.xlsx", workbook({"One": [["A", "B", "A"], [1, 2, 3]]}))
    with pytest.raises(SpiError, match=r"^book.xlsx has the column A more than once; download it again$"):
        folder.sheet("book.xlsx", "2022", ["B", "A"])
    (root / "book.xlsx").write_bytes(gzip.compress(b"no workbook"))
    with pytest.raises(SpiError, match=r"^book.xlsx of its publisher is not a readable workbook: "):
        folder.sheet("book.xlsx", "2022", ["B", "A"])
