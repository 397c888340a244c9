"""Any council of England from its name: its wards and their embedded figures, from the tables of England."""

import difflib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from spi_pipeline.contracts.errors import UnknownNameError
from spi_pipeline.contracts.models.geography import (
    ENGLAND,
    OF_ENGLAND,
    PLACING_SOURCES,
    Authority,
    Geography,
    Ward,
    Without,
    plain,
)
from spi_pipeline.contracts.models.tables import Source
from spi_pipeline.rules.wording import listed
from spi_pipeline.snapshot.embedded import read_embedded
from spi_pipeline.snapshot.figures import BEST_FIT, LSOA_2011, MSOA_2011, Figures
from spi_pipeline.snapshot.reference import NATIONAL

AUTHORITIES, WARDS = "authority_lookup", "wards"
# England as one area, whose wards are scored together.
WHOLE_OF_ENGLAND = {"area_code": ENGLAND, "area_name": "England", "region": "", "police_force": "england"}
# When the wards of England's best-fit lookup came into force.
VINTAGE = "2024-05"
# Forces that publish nothing, though the police's interface returns incidents that other forces recorded in their area.
FORCES_WITHOUT_DATA = {"greater-manchester": "Greater Manchester Police have published no crimes since July 2019."}
CRIME_SOURCES = ("stop_and_search", "street_crime")
NO_POINTS = "Published as points, which cannot be placed without ward boundaries."
NOT_EVERYWHERE = "Has figures for only some wards of England, for example because the others did not vote."
MADE_OF_IT = "Computed from the results for England."
NOT_NATIONAL = "Not embedded for all of England; a table of the council's own can take its place."


def councils(england: Path) -> list[dict[str, Any]]:
    """Every council, by name: ``area_code``, ``area_name``, ``region``, ``police_force`` and the number of ``wards``.

    Args:
        england: the folder of the tables of England.
    """
    wards = Counter(row["authority_code"] for row in _rows(england, WARDS))
    rows = [row | {"wards": wards[row["area_code"]]} for row in _rows(england, AUTHORITIES)]
    return sorted(rows, key=lambda row: row["area_name"])


def council_code(name: str, known: Sequence[Mapping[str, Any]]) -> str:
    """The code of the council that a user names, by its name, part of the name, or its code.

    Args:
        name: the text that the user typed.
        known: as ``councils`` returns them.

    Raises:
        UnknownNameError: when no council, or more than one, has that name; lists the nearest.
    """
    titles: dict[str, str] = {row["area_code"]: row["area_name"] for row in known}
    if (code := name.strip().upper()) in titles:
        return code
    typed = plain(name)
    # Match the whole name, then whole words of it (so that Hull is not Solihull), then any part.
    for matches in (
        [code for code, title in titles.items() if plain(title) == typed],
        [code for code, title in titles.items() if typed and f" {_words(name)} " in f" {_words(title)} "],
        [code for code, title in titles.items() if typed and typed in plain(title)],
    ):
        if len(matches) == 1:
            return matches[0]
        if matches:
            which = _did_you_mean([titles[code] for code in matches[:5]])
            raise UnknownNameError(f"{len(matches)} councils have {name!r} in their names; {which}{_all(known)}")
    by_plain = {plain(title): title for title in titles.values()}
    near = _did_you_mean([by_plain[each] for each in difflib.get_close_matches(typed, by_plain, 5)])
    raise UnknownNameError(f"there is no council {name!r}; {near}{_all(known)}")


def _did_you_mean(titles: Sequence[str]) -> str:
    """``did you mean Luton, Sutton or Halton? ``; empty if there is no title."""
    return f"did you mean {listed(titles, 'or')}? " if titles else ""


def _words(text: str) -> str:
    return " ".join(plain(word) for word in text.replace("-", " ").split())


def _all(known: Sequence[Any]) -> str:
    return f"spi council --list names all {len(known)}"


def council_geography(code: str, england: Path, sources: Mapping[str, Source]) -> Geography:
    """The wards and small areas of a council, and the sources without figures for it, with reasons.

    Args:
        code: the code of the authority.
        england: the folder of the tables of England.
        sources: the contracts.
    """
    known = {row["area_code"]: row for row in (*_rows(england, AUTHORITIES), WHOLE_OF_ENGLAND)}[code]
    national = code == ENGLAND
    wards = [
        Ward(
            code=row["area_code"], name=row["area_name"], authority=code,
            council=row["authority_code"] if national else "",
        )
        for row in sorted(_rows(england, WARDS), key=lambda row: str(row["area_code"]))
        if national or row["authority_code"] == code
    ]  # fmt: skip
    bare = Geography(
        vintage=VINTAGE,
        authorities=[Authority(code=code, name=known["area_name"], police_force=known["police_force"])],
        wards=wards,
    )
    figures = Figures(None, england, bare)
    [authority] = bare.authorities
    declared = authority.model_copy(
        update={"small_areas": _small_areas(figures), "without": _without(authority, figures, sources)}
    )
    return bare.model_copy(update={"authorities": [declared]})


def _small_areas(figures: Figures) -> dict[str, int]:
    fit = figures.read(BEST_FIT).table
    lookups = {
        "lsoa21": fit["area_code"], "msoa21": fit["msoa_code"],
        "lsoa11": figures.read(LSOA_2011).table["lsoa_2011_code"],
        "msoa11": figures.read(MSOA_2011).table["msoa_2011_code"],
    }  # fmt: skip
    return {name: len(column.drop_null().unique()) for name, column in lookups.items()}


def _without(authority: Authority, figures: Figures, sources: Mapping[str, Source]) -> list[Without]:
    silent = FORCES_WITHOUT_DATA.get(authority.police_force, "")
    by_reason: dict[str, list[str]] = {}
    for name, source in sorted(sources.items()):
        if name in figures.names or name in OF_ENGLAND.values() or source.properties.own or name in PLACING_SOURCES:
            continue
        columns = {column.name for column in source.columns}
        if silent and name in CRIME_SOURCES:
            by_reason.setdefault(silent, []).append(name)
        elif source.properties.geography.levels == ["point"] and "lsoa_code" not in columns:
            by_reason.setdefault(NO_POINTS, []).append(name)
        elif source.properties.mode == "frozen":
            by_reason.setdefault(NOT_NATIONAL, []).append(name)
    if figures.geography.national:
        by_reason[MADE_OF_IT] = sorted(OF_ENGLAND.values())
        by_ward = sorted(figures.names - {*OF_ENGLAND.values()})
        by_reason[NOT_EVERYWHERE] = [name for name in by_ward if _of_some(name, figures, sources)]
    return [Without(sources=names, reason=reason) for reason, names in by_reason.items()]


def _of_some(name: str, figures: Figures, sources: Mapping[str, Source]) -> bool:
    """Whether a source has figures by ward, but for too few of the wards of England."""
    if sources[name].properties.geography.levels != ["ward"]:
        return False
    return bool(figures.read(name).table.num_rows < NATIONAL * len(figures.geography.wards))


def geography_file(geography: Geography) -> str:
    """The text of a ``geography.yaml``, in the form that a person would write."""
    lines = [
        f"# {', '.join(item.name for item in geography.authorities)}, as spi council made it.",
        "",
        f"vintage: {_word(geography.vintage)}",
        "authorities:",
    ]
    for item in geography.authorities:
        small = ", ".join(f"{name}: {number}" for name, number in item.small_areas.items())
        lines += [
            f"  - code: {item.code}",
            f"    name: {_word(item.name)}",
            f"    police_force: {item.police_force}",
            f"    small_areas: {{{small}}}",
            *(["    without:"] if item.without else []),
        ]
        for part in item.without:
            lines += [
                f"      - reason: {_word(part.reason)}",
                "        sources:",
                *(f"          - {name}" for name in part.sources),
            ]
    lines += ["", "wards:"]
    for ward in geography.wards:
        council = f", council: {ward.council}" if ward.council else ""
        lines.append(f"  - {{code: {ward.code}, name: {_word(ward.name)}, authority: {ward.authority}{council}}}")
    return "\n".join(lines) + "\n"


def _word(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _rows(england: Path, name: str) -> list[dict[str, Any]]:
    table = read_embedded(england, name).table
    rows: list[dict[str, Any]] = table.select([each for each in table.column_names if each != "geometry"]).to_pylist()
    return rows
