"""Any council of England from its name: its wards and what is embedded for them, read off the tables of England."""

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
from spi_pipeline.snapshot.embedded import read_embedded
from spi_pipeline.snapshot.figures import BEST_FIT, LSOA_2011, MSOA_2011, Figures
from spi_pipeline.snapshot.reference import NATIONAL

AUTHORITIES, WARDS = "authority_lookup", "wards"
# England as one area, whose wards are judged together.
WHOLE = {"area_code": ENGLAND, "area_name": "England", "region": "", "police_force": "england"}
# When the wards came into force that the best fit of England names.
VINTAGE = "2024-05"
# Forces that publish nothing, though the police's interface answers for them with what other forces recorded there.
SILENT = {"greater-manchester": "Greater Manchester Police have published no crimes since July 2019."}
OF_CRIME = ("stop_and_search", "street_crime")
NO_POINTS = "Published as points, which cannot be placed without ward boundaries."
NOT_EVERYWHERE = "Has figures for some of the wards of England alone, as where others did not vote."
MADE_OF_IT = "Made of what is computed for England."
NOT_NATIONAL = "Not embedded for all of England; a table of the council's own can take its place."


def councils(england: Path) -> list[dict[str, Any]]:
    """Every council by name: ``area_code``, ``area_name``, ``region``, ``police_force``, and how many ``wards`` it has.

    Args:
        england: the folder of the tables of England.
    """
    wards = Counter(row["authority_code"] for row in _rows(england, WARDS))
    found = [row | {"wards": wards[row["area_code"]]} for row in _rows(england, AUTHORITIES)]
    return sorted(found, key=lambda row: row["area_name"])


def council_code(name: str, known: Sequence[Mapping[str, Any]]) -> str:
    """The code of the council that a person means by a name, a part of one, or a code.

    Args:
        name: what was typed.
        known: as ``councils`` returns them.

    Raises:
        UnknownNameError: where no council, or more than one, is called so; naming the nearest.
    """
    titles: dict[str, str] = {row["area_code"]: row["area_name"] for row in known}
    if (code := name.strip().upper()) in titles:
        return code
    typed = plain(name)
    # The whole name, then whole words of it, so that Hull is not Solihull, then any part.
    for found in (
        [code for code, title in titles.items() if plain(title) == typed],
        [code for code, title in titles.items() if typed and f" {_words(name)} " in f" {_words(title)} "],
        [code for code, title in titles.items() if typed and typed in plain(title)],
    ):
        if len(found) == 1:
            return found[0]
        if found:
            which = " or ".join(titles[code] for code in found[:5])
            raise UnknownNameError(f"{len(found)} councils have {name!r} in their names; {which}? {_all(known)}")
    by_plain = {plain(title): title for title in titles.values()}
    near = " or ".join(by_plain[each] for each in difflib.get_close_matches(typed, by_plain, 5))
    raise UnknownNameError(f"there is no council {name!r}; {f'{near}? ' if near else ''}{_all(known)}")


def _words(text: str) -> str:
    return " ".join(plain(word) for word in text.replace("-", " ").split())


def _all(known: Sequence[Any]) -> str:
    return f"spi council --list names all {len(known)}"


def council_geography(code: str, england: Path, sources: Mapping[str, Source]) -> Geography:
    """The wards and small areas of a council, and the sources that hold no figures for it with the reason.

    Args:
        code: of the authority.
        england: the folder of the tables of England.
        sources: the contracts.
    """
    known = {row["area_code"]: row for row in (*_rows(england, AUTHORITIES), WHOLE)}[code]
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
    stated = authority.model_copy(
        update={"small_areas": _small_areas(figures), "without": _without(authority, figures, sources)}
    )
    return bare.model_copy(update={"authorities": [stated]})


def _small_areas(figures: Figures) -> dict[str, int]:
    fit = figures.read(BEST_FIT).table
    lookups = {
        "lsoa21": fit["area_code"], "msoa21": fit["msoa_code"],
        "lsoa11": figures.read(LSOA_2011).table["lsoa_2011_code"],
        "msoa11": figures.read(MSOA_2011).table["msoa_2011_code"],
    }  # fmt: skip
    return {name: len(column.drop_null().unique()) for name, column in lookups.items()}


def _without(authority: Authority, figures: Figures, sources: Mapping[str, Source]) -> list[Without]:
    silent = SILENT.get(authority.police_force, "")
    found: dict[str, list[str]] = {}
    for name, source in sorted(sources.items()):
        if name in figures.names or name in OF_ENGLAND.values() or source.properties.own or name in PLACING_SOURCES:
            continue
        columns = {column.name for column in source.columns}
        if silent and name in OF_CRIME:
            found.setdefault(silent, []).append(name)
        elif source.properties.geography.levels == ["point"] and "lsoa_code" not in columns:
            found.setdefault(NO_POINTS, []).append(name)
        elif source.properties.mode == "frozen":
            found.setdefault(NOT_NATIONAL, []).append(name)
    if figures.geography.national:
        found[MADE_OF_IT] = sorted(OF_ENGLAND.values())
        by_ward = sorted(figures.names - {*OF_ENGLAND.values()})
        found[NOT_EVERYWHERE] = [name for name in by_ward if _of_some(name, figures, sources)]
    return [Without(sources=names, reason=reason) for reason, names in found.items()]


def _of_some(name: str, figures: Figures, sources: Mapping[str, Source]) -> bool:
    """Whether a source has figures by ward and too few of the wards of England are among them."""
    if sources[name].properties.geography.levels != ["ward"]:
        return False
    return bool(figures.read(name).table.num_rows < NATIONAL * len(figures.geography.wards))


def geography_file(geography: Geography) -> str:
    """The text of a ``geography.yaml``, as a person would write it."""
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
