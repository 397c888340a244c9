"""Contracts compared with a git revision: the version that each change requires, and the fault if it is missing."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from spi_pipeline.contracts.errors import ContractError, Fault, SpiError
from spi_pipeline.contracts.lint.against import compare
from spi_pipeline_tests.contracts.mutation import CAR, CONTRACTS, change

AREA = "products/area.yaml"


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two contracts committed in a new git repository."""
    folder = tmp_path / "house" / "contracts"
    for name in (CAR, AREA, "vocabulary.yaml"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CONTRACTS / name, folder / name)
    git(tmp_path, "init", "--quiet", "house")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "as they are")
    return folder


def version_of(root: Path, file: str) -> str:
    lines = (root / file).read_text(encoding="utf-8").splitlines()
    return next(line.removeprefix("version: ") for line in lines if line.startswith("version: "))


def raised(version: str, bump: str) -> str:
    first, second, _ = map(int, version.split("."))
    return f"{first + 1}.0.0" if bump == "major" else f"{first}.{second + 1}.0"


def refusals(root: Path) -> list[Fault]:
    with pytest.raises(ContractError) as caught:
        compare(root, "HEAD")
    return caught.value.faults


@pytest.mark.parametrize(
    ("file", "old", "new", "bump", "reason"),
    [
        (CAR, "name: three_or_more", "name: many", "major", "column three_or_more is now called many"),
        (CAR, "{name: one, logicalType: integer", "{name: one, logicalType: number", "major",
         "column one changed from integer to number"),
        (CAR, "name: one, logicalType: integer, required: true", "name: one, logicalType: integer", "major",
         "column one may be null now"),
        (AREA, "{name: parent_code, logicalType: string,", "{name: parent_code, logicalType: string, required: true,",
         "major", "column parent_code may no longer be null"),
        (AREA, "{value: ward}, {value: authority}", "{value: ward}", "major",
         "column level no longer allows the value authority"),
        (AREA, "{value: ward}, {value: authority}", "{value: ward}, {value: authority}, {value: region}", "minor",
         "column level has other allowed values"),
        (AREA, "{name: area_name, logicalType: string, required: true,",
         "{name: area_name, logicalType: string, required: true, primaryKey: true, primaryKeyPosition: 2,", "major",
         "the key changed from area_code to area_code and area_name"),
        (AREA, 'pattern: "\\\\d{4}-\\\\d{2}"', 'pattern: "\\\\d{4}"', "major",
         "column vintage must match another pattern"),
        (AREA, "minimum: 1, maximum: 2000000", "minimum: 1, maximum: 3000000", "minor",
         "column population has another range"),
        (AREA, "{property: unit, value: people}", "{property: unit, value: households}", "major",
         "column population is in households now, not in people"),
        (AREA, "mean_magnitude, value: [1000,", "mean_magnitude, value: [2000,", "minor",
         "column population has another typical size"),
        (CAR, "{property: concept, value: mobility}", "{property: concept, value: inclusion}", "major",
         "column none measures inclusion now"),
        (CAR, "value: OGL-UK-3.0", "value: CC-BY-4.0", "major", "the licence changed"),
        (CAR, "vintage: 2021", "vintage: 2011", "major", "the geography changed"),
        (CAR, "basis: reference", "basis: release", "major", "the period changed"),
        (CAR, "severity: warning", "severity: error", "minor",
         "rule none_varies changed"),
    ],
)  # fmt: skip
def test_a_change_requires_a_new_version(root: Path, file: str, old: str, new: str, bump: str, reason: str) -> None:
    change(root, file, old, new)
    old_version = version_of(root, file)
    new_version, kind = raised(old_version, bump), "a breaking change" if bump == "major" else "a change"
    (fault,) = refusals(root)
    assert (fault.file, fault.message) == (
        file,
        f"{reason}: {kind} since HEAD, so version {old_version} must become {new_version}",
    )
    # With the required version there is no fault.
    change(root, file, f"version: {old_version}", f"version: {new_version}")
    assert compare(root, "HEAD").raised == {file: (old_version, new_version)}


def test_a_minor_version_is_not_enough_for_a_breaking_change(root: Path) -> None:
    old_version = version_of(root, CAR)
    change(root, CAR, "name: three_or_more", "name: many")
    change(root, CAR, f"version: {old_version}", f"version: {raised(old_version, 'minor')}")
    (fault,) = refusals(root)
    assert fault.message.endswith(f"so version {old_version} must become {raised(old_version, 'major')}")


def test_added_and_removed_columns_require_a_new_version(root: Path) -> None:
    new = "      - {name: colour, logicalType: string, description: Colour}\n"
    line = change(root, CAR, "    quality:\n", f"{new}    quality:\n")
    (fault,) = refusals(root)
    assert (fault.line, fault.message.split(":")[0]) == (line, "column colour is new")
    assert "must become" in fault.message
    change(root, CAR, "{name: colour, logicalType: string", "{name: colour, logicalType: string, required: true")
    (fault,) = refusals(root)
    assert fault.message.startswith("column colour is new and required, so tables written before lack it: a breaking")
    git(root, "commit", "--quiet", "--all", "-m", "one more")
    change(root, CAR, new.replace("string,", "string, required: true,"), "")
    (fault,) = refusals(root)
    assert fault.message.startswith("column colour was removed: a breaking change since HEAD")


def test_a_unit_with_another_meaning_breaks_every_contract_that_uses_it(root: Path) -> None:
    change(root, "vocabulary.yaml", "people: {title: people,", "people: {title: thousand people,")
    (fault,) = refusals(root)
    assert fault.file == AREA
    assert fault.message.startswith("column population is in people, which means something else now: a breaking change")


def test_a_unit_with_another_range_requires_a_minor_version(root: Path) -> None:
    change(root, "vocabulary.yaml", "households: {title: households, minimum: 0,", "households: {title: Households,")
    reported = refusals(root)
    assert {fault.file for fault in reported} == {AREA, CAR}
    assert all("which has another range now: a change" in fault.message for fault in reported)


def test_changed_descriptions_and_owners_require_no_new_version(root: Path) -> None:
    change(root, CAR, "description: Code of the area", "description: The code of the area")
    change(root, CAR, "channel: social-progress", "channel: data-office")
    comparison = compare(root, "HEAD")
    assert (comparison.contracts, comparison.raised) == (2, {})


def test_a_lower_version_is_refused(root: Path) -> None:
    old_version = version_of(root, CAR)
    line = change(root, CAR, f"version: {old_version}", "version: 0.9.0")
    assert refusals(root) == [Fault(CAR, line, f"version 0.9.0 is lower than {old_version}, the one at HEAD")]


def test_a_table_must_be_deprecated_before_it_is_removed(root: Path) -> None:
    text = (root / CAR).read_text(encoding="utf-8")
    (root / CAR).unlink()
    message = "was removed, but was in force at HEAD; declare status: deprecated for one version before removing it"
    assert refusals(root) == [Fault(CAR, 0, message)]
    (root / CAR).write_text(text.replace("status: active", "status: deprecated"), encoding="utf-8")
    git(root, "commit", "--quiet", "--all", "-m", "leaving")
    (root / CAR).unlink()
    assert compare(root, "HEAD").contracts == 1


def test_a_new_contract_may_start_at_any_version(root: Path) -> None:
    shutil.copy(CONTRACTS / "sources" / "wards.yaml", root / "sources" / "wards.yaml")
    assert compare(root, "HEAD").contracts == 3


def test_an_unknown_revision_gives_a_readable_error(root: Path) -> None:
    with pytest.raises(SpiError, match=r"^git cannot show .*contracts at 'nowhere' \(.+\); name a commit that holds"):
        compare(root, "nowhere")
    with pytest.raises(SpiError, match="git cannot show"):
        compare(root, "--output=/tmp/x")


def test_a_folder_outside_any_repository_gives_a_readable_error(tmp_path: Path) -> None:
    shutil.copytree(CONTRACTS, tmp_path / "contracts")
    with pytest.raises(SpiError, match=r"^git cannot show"):
        compare(tmp_path / "contracts", "HEAD")


def test_missing_git_gives_a_readable_error(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SpiError, match=r"^git could not be run \(.+\); install it to compare contracts$"):
        compare(root, "HEAD")
