"""The ward pages of an invented town, their index and the comparison: all they say is in the tables."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from spi_pipeline.outputs.site import drawing
from spi_pipeline.outputs.site.build import STATIC, build
from spi_pipeline.outputs.site.pages import compare, home, ward, wards
from spi_pipeline.outputs.site.pages.ward.recent import _moved
from spi_pipeline.outputs.site.pages.ward.scorecard import STRONG, VERDICTS, WEAK, verdict
from spi_pipeline.outputs.site.results import Results, slug
from spi_pipeline_tests.outputs.site.awkward_town import EDITIONS, NAMES, PLAIN, SILENT, TOWN, WARDS, contracts, town

VOID = {"meta", "link", "br", "img", "input"}


class Text(HTMLParser):
    """The text of a page, and its tags."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text = ""
        self.tags: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in ("data", "span", "strong", "a"):
            self.text += "\n"

    def handle_data(self, data: str) -> None:
        self.text += data


def text(markup: str) -> str:
    """The text that a reader sees, with white space collapsed."""
    return " ".join(Text(markup).text.split())


def build_pages(results: Results, folder: Path) -> None:
    build(results, folder, downloads=False, kinds=(wards, ward, compare))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    build_pages(town(), folder)
    return folder


@cache
def results() -> Results:
    return town()


def page(site: Path, code: str) -> str:
    return (site / "wards" / f"{results().areas[code].slug}.html").read_text("utf-8")


def section(markup: str, name: str) -> str:
    """The markup under the heading with that id."""
    result = re.search(rf'<h2 id="{name}".*?(?=<h2|</main>)', markup, re.S)
    assert result
    return result.group()


def newest(table: str, **key: object) -> pd.DataFrame:
    rows = results().tables[table]
    for column, entry in {**({"edition": EDITIONS[-1]} if "edition" in rows else {}), **key}.items():
        rows = rows[rows[column] == entry]
    return rows


def pages(site: Path) -> Iterator[tuple[str, str]]:
    for file in sorted(site.rglob("*.html")):
        yield file.name, file.read_text("utf-8")


def test_each_ward_has_a_page_and_its_name_stays_text(site: Path) -> None:
    assert len({results().areas[code].slug for code in WARDS}) == len(WARDS)
    for code, name in NAMES.items():
        markup = page(site, code)
        heading = re.search(r"<h1>(.*?)</h1>", markup)
        assert heading
        assert html.unescape(heading.group(1)) == name
        assert "This is Treflan <Fach>" in text(markup)
    for name, markup in pages(site):
        assert not {"b", "fach"} & set(Text(markup).tags), name
        assert "style=" not in markup, name


def test_addresses_have_plain_letters_only() -> None:
    assert slug("Tŷ Gŵyr") == "ty-gwyr"


def test_ranks_have_likely_ranges_and_tables_have_captions(site: Path) -> None:
    ranks = 0
    for name, markup in pages(site):
        content = text(markup)
        for result in re.finditer(r"[\d,]*\d(?:st|nd|rd|th)\b", content):
            before, after = content[: result.start()], content[result.end() :]
            assert after.startswith(", likely ") or before.endswith(("likely ", " to ")), (
                f"{name}: {content[result.start() - 40 : result.end() + 40]}"
            )
            ranks += 1
        for table in re.findall(r"<table.*?</table>", markup, re.S):
            assert "<caption>" in table, name
            assert not re.search(r"<th(?![ e])", table), name
            assert all("scope=" in head for head in re.findall(r"<th [^>]*>", table)), name
        assert Text(markup).tags.count("h1") == 1
    assert ranks > 100


def test_the_summary_states_score_edition_rank_and_the_town(site: Path) -> None:
    row = newest("score", id=contracts().framework.id, area_code=PLAIN).iloc[0]
    content = text(page(site, PLAIN))
    assert f"Plain scores {row['score']:.1f} of 100 for social progress in edition 2025" in content
    assert "Treflan <Fach> as a whole scores 50.0" in content
    assert "among 6 wards" in content


def test_the_first_paragraph_lists_components_among_the_first_and_last(site: Path) -> None:
    titles = {name: contracts().titles[name] for name in contracts().framework.components}
    for code in WARDS[:-1]:
        ranks = newest("score", area_code=code, level="component").set_index("id")["rank"]
        lead = re.search(r'<p class="lead">(.*?)</p>', page(site, code), re.S)
        assert lead
        first, _, last = text(lead.group(1)).partition("It is among the first three wards in ")[2].partition(" It is ")
        assert {title for title in titles.values() if f"{title} (" in first} == {
            titles[name] for name, rank in ranks.items() if rank <= 3
        }
        assert {title for title in titles.values() if f"{title} (" in last} == {
            titles[name] for name, rank in ranks.items() if rank > len(WARDS) - 3
        }


def test_old_monthly_figures_are_reported_with_their_age(site: Path) -> None:
    section_text = text(section(page(site, PLAIN), "crime"))
    assert section_text.startswith("Crime month by month, to December 2024 ")
    as_of = results().as_of
    months = 12 * (as_of.year - 2024) + as_of.month - 12
    sentence = (
        f"The newest month available, December 2024, is {months} months older than the day these figures were taken."
    )
    assert (sentence in section_text) == (months > 3)


def test_every_section_of_a_ward_without_scores_says_so(site: Path) -> None:
    markup = page(site, SILENT)
    content = text(markup)
    assert "Silent has no score in edition 2025: too little is known of it." in content
    assert "No strength beyond chance; it has no scores." in content
    assert "No weakness beyond chance; it has no scores." in content
    assert "It has no peers" in content
    assert "There are no figures for England." in content
    assert "There is no earlier edition to compare with." in content
    assert "There are no monthly figures." in content
    assert "No ward that borders on it is known." in content
    assert "nan" not in content.lower().split()
    assert "None" not in content


@pytest.mark.parametrize(
    ("card", "low", "high", "expected"),
    [
        ({"verdict": "strength", "peer_median": 50.0}, 51.0, 60.0, STRONG),
        ({"verdict": "strength", "peer_median": 50.0}, 50.0, 60.0, VERDICTS["strength"]),
        ({"verdict": "strength", "peer_median": 50.0}, None, None, VERDICTS["strength"]),
        ({"verdict": "weakness", "peer_median": 50.0}, 40.0, 49.0, WEAK),
        ({"verdict": "weakness", "peer_median": 50.0}, 40.0, 50.0, VERDICTS["weakness"]),
        ({"verdict": "neutral", "peer_median": 50.0}, 51.0, 60.0, VERDICTS["neutral"]),
    ],
)
def test_a_strength_is_beyond_chance_where_the_whole_range_lies_above_the_peers(
    card: dict[str, object], low: float | None, high: float | None, expected: object
) -> None:
    assert verdict(card, {"measured_low": low, "measured_high": high}) is expected


def test_strengths_and_weaknesses_are_named_for_every_ward(site: Path) -> None:
    titles = {name: title for name, title in contracts().titles.items() if name in contracts().framework.components}
    for code in WARDS[:-1]:
        cards = newest("scorecard", area_code=code, level="component").merge(
            newest("score", area_code=code, level="component"), on="id"
        )
        strong = cards[(cards["verdict"] == "strength") & (cards["measured_low"] > cards["peer_median"])]
        weak = cards[(cards["verdict"] == "weakness") & (cards["measured_high"] < cards["peer_median"])]
        result = re.findall(r"<dd>(.*?)</dd>", section(page(site, code), "strengths"), re.S)
        for content, rows in zip(map(text, result[:2]), (strong, weak), strict=True):
            order = rows.sort_values("difference", key=lambda column: -column.abs())["id"]
            places = [content.index(f"{titles[name]} (") for name in order]
            assert places == sorted(places)
            assert bool(len(rows)) != content.startswith("No ")
            assert sum(f"{title} (" in content for title in titles.values()) == max(len(rows), 1)


def test_best_and_worst_are_named_where_nothing_is_beyond_chance(tmp_path: Path) -> None:
    cards = results().tables["scorecard"].assign(verdict="neutral")
    build_pages(town(scorecard=cards), tmp_path)
    own = newest("scorecard", area_code=PLAIN, level="component").sort_values("difference")
    worst, best = own.iloc[0], own.iloc[-1]
    content = text(section(page(tmp_path, PLAIN), "strengths"))
    for end, row, word in (("best", best, "strength"), ("worst", worst, "weakness")):
        side = "above" if row["difference"] > 0 else "below"
        title = contracts().titles[row["id"]]
        assert (
            f"No {word} beyond chance; {end} is {title} ({abs(row['difference']):.1f} points {side} the middle"
            in content
        )


def test_without_peers_the_best_component_has_the_best_rank(tmp_path: Path) -> None:
    build_pages(town(scorecard=results().tables["scorecard"].iloc[:0]), tmp_path)
    ranks = newest("score", area_code=PLAIN, level="component").set_index("id")["rank"]
    content = text(section(page(tmp_path, PLAIN), "strengths"))
    result = re.search(r"best is (.*?), (\d)\w\w, likely", content)
    assert result
    assert int(result.group(2)) == ranks.min()


def test_indicators_are_compared_with_england(site: Path) -> None:
    rows = newest("score", area_code=PLAIN, level="indicator")
    content = text(section(page(site, PLAIN), "strengths"))
    better = (rows["england_percentile"] > 50).sum()
    assert f"In {better} of {len(rows)} indicators with figures for England" in content
    assert f"better than {rows['england_percentile'].max():.0f} of 100 wards" in content


def test_every_indicator_has_value_range_count_period_and_source(site: Path) -> None:
    markup = section(page(site, PLAIN), "figures")
    for item in contracts().active:
        named = rf'<tr>\s*<th scope="row"><a href="../indicators/{item.id}.html">.*?</tr>'
        row = re.search(named, markup, re.S)
        assert row, item.id
        content = text(row.group())
        entry = newest("observation", indicator_id=item.id, area_code=PLAIN).iloc[0]
        counted = f"{entry['numerator']:,.0f}"
        if item.measure.kind == "anchored":
            assert f"{counted}, which only say how the rate moved since it was published" in content
            assert "of 1,000" not in content.split(counted)[1].split(",")[0]
        else:
            assert f"{counted} of 1,000" in content
        assert "21 March 2021, older, still in use" in content
        assert contracts().sources[item.source].properties.url in html.unescape(row.group())
        for end in ("value", "lower", "upper"):
            assert repr(float(entry[end])) in row.group()


def test_proportions_are_shown_as_percentages_and_unknown_figures_as_such(site: Path) -> None:
    content = text(section(page(site, PLAIN), "people"))
    units = contracts().vocabulary.units
    share = next(item for item in contracts().context.values() if units[item.unit] is units["proportion"])
    entry = newest("context", measure_id=share.id, area_code=PLAIN).sort_values("period_end").iloc[-1]
    assert f"{100 * entry['value']:.1f}% ({100 * entry['lower']:.1f}% to {100 * entry['upper']:.1f}%)" in content
    assert re.search(r"Price of a home not known £0\.\d\d", content)


@pytest.mark.parametrize(
    ("code", "sentence"),
    [(WARDS[0], "That is more than"), (WARDS[1], "That is less than"), (PLAIN, "That is about what")],
)
def test_the_score_is_compared_with_what_the_economy_suggests(site: Path, code: str, sentence: str) -> None:
    result = text(section(page(site, code), "people"))
    assert f"{sentence} its economy suggests: +3.0 points, likely −1.0 to +7.0." in result


@pytest.mark.parametrize(("code", "word"), [(WARDS[0], "rose"), (PLAIN, "fell"), (WARDS[1], "cannot be told")])
def test_ten_year_changes_are_shown_with_their_verdicts(site: Path, code: str, word: str) -> None:
    result = section(page(site, code), "people")
    assert "What ten years changed, 2011 to 2021" in text(result)
    assert result.count(f'<data value="{word}" data-from="decade.verdict"') == len(contracts().decade)


def test_rises_and_falls_and_the_share_measured_again_are_listed(site: Path) -> None:
    content = text(section(page(site, PLAIN), "moved"))
    rose, fell, still = (re.sub(r"\s*\([^()]*\)$", "", item.title) for item in contracts().active[:3])
    assert "From edition 2024 to edition 2025, 25% of the index was measured again here." in content
    total = len(contracts().active)
    assert f"{total - 3} of {total} indicators cannot tell a change" in content
    assert f"Better {rose}: +6.2 points (+4.2 to +8.2)." in content
    assert f"Worse {fell}: −6.2 points (−8.2 to −4.2)." in content
    assert f"No change beyond chance {still}." in content


def test_crime_is_compared_with_two_years_before(site: Path) -> None:
    plain, other = (text(section(page(site, code), "crime")) for code in (PLAIN, WARDS[0]))
    assert "30.0 (20.0 to 40.0) recorded for every thousand residents in the twelve months to December 2024" in plain
    assert "Two years before it was 78.0 (68.0 to 88.0). So less is recorded now" in plain
    assert "The newest months hold fewer than" in plain
    assert "since October 2024" in plain
    assert "The two ranges overlap, so we cannot be sure that it changed." in other
    assert "do not stand out" in other


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(31, 40, "higher"), (1, 9, "lower"), (25, 40, "same"), (30, 40, "same"), (5, 10, "same")],
)
def test_a_change_is_reported_only_if_ranges_do_not_overlap(low: float, high: float, expected: str) -> None:
    assert _moved({"lower": low, "upper": high}, {"lower": 10, "upper": 30}) == expected


def test_a_missing_month_breaks_the_line(site: Path) -> None:
    def strokes(code: str) -> int:
        result = re.search(r'<path class="rate" d="([^"]*)"', section(page(site, code), "crime"))
        assert result
        return result.group(1).count("M")

    assert strokes(WARDS[0]) == 1
    assert strokes(WARDS[1]) == 2


def test_the_five_largest_gains_are_listed(site: Path) -> None:
    markup = section(page(site, PLAIN), "takes")
    items = [text(item) for item in re.findall(r"<li>(.*?)</li>", markup, re.S)]
    behind = [item.title for item in contracts().active[:7]]
    assert [sentence.split(":")[0] for sentence in items] == [
        re.sub(r"\s*\([^()]*\)$", "", title) for title in reversed(behind[2:])
    ]
    assert "17 fewer households (12 to 22) would bring it to the middle ward of Treflan <Fach>, " in items[0]
    rows = text(markup)
    assert "= already better, by 41 (36 to 46)" in rows
    assert "? cannot be told apart" in rows


def test_a_target_beyond_reach_is_described_as_such(tmp_path: Path) -> None:
    takes = results().tables["what_would_it_take"]
    build_pages(town(what_would_it_take=takes[takes["cut"]]), tmp_path)
    content = text(section(page(tmp_path, PLAIN), "takes"))
    assert "11 fewer households (6 to 16) are all there is to count, and would still not bring it to" in content


def test_the_first_page_names_the_largest_changes(tmp_path: Path) -> None:
    build(town(), tmp_path, downloads=False, kinds=(home,))
    content = text((tmp_path / "index.html").read_text("utf-8"))
    moves = newest_moves()
    for moved, noun in (("rose", "rise"), ("fell", "fall")):
        row = moves[moves["verdict"] == moved].sort_values(["change", "id", "area_code"], key=_by_size).iloc[0]
        title = re.sub(r"\s*\([^()]*\)$", "", contracts().titles[row["id"]])
        assert f"The largest {noun} of a score since 2024: “{title}” in {NAMES[row['area_code']]}" in content
        assert f"its score {moved} by {abs(row['change']):.1f} points" in content
    assert content.count("no publisher was asked for newer ones") == 1
    assert "looked for" not in content


def newest_moves() -> pd.DataFrame:
    """Changes of indicators in wards from the first edition to the newest."""
    rows = results().tables["change"]
    wanted = (
        (rows["level"] == "indicator") & (rows["edition_from"] == EDITIONS[0]) & (rows["edition_to"] == EDITIONS[-1])
    )
    return rows[wanted & rows["area_code"].isin(WARDS)]


def _by_size(column: pd.Series) -> pd.Series:
    return -column.abs() if column.name == "change" else column


def test_the_rank_in_england_states_its_figures_and_its_gaps(site: Path) -> None:
    content = text(section(page(site, PLAIN), "england"))
    assert (
        "Among the 6,784 wards of England, Plain ranks 5,003rd, likely 4,500th to 6,000th. It does better than 25 of "
        "100 of them. Of ten equal groups, the best first, it is in group 10." in content
    )
    assert "This place rests on the 26 figures that are known for nearly all wards of England." in content
    assert "The score at the top of this page rests on the 33 that are known here." in content
    assert "Housing 5,003rd, likely 4,500th to 6,000th 25 10 2" in content
    assert "It has no place in Rights and Voice: too few wards of England have figures for it." in content
    assert "Its place among the wards of England is not known." in text(section(page(site, SILENT), "england"))


def test_a_ward_ranked_in_every_component_lists_no_gap(tmp_path: Path) -> None:
    standing = results().tables["ward_standing"]
    build_pages(
        town(ward_standing=pd.concat([standing, standing.query("id == 'safety'").assign(id="rights_and_voice")])),
        tmp_path,
    )
    assert "It has no place in" not in text(page(tmp_path, PLAIN))


def test_similar_wards_are_named_with_their_council_regardless_of_scores(site: Path) -> None:
    markup = section(page(site, PLAIN), "similar")
    content = text(markup)
    assert "Scores play no part in it" in content
    for name in contracts().alike.measures:
        assert re.sub(r"\s*\([^()]*\)$", "", contracts().context[name].title) in content
    assert "Away <1> Elsewhere North East 0.2" in content
    assert re.findall(r'<th scope="row"><a href="(.*?)"', markup) == [f"{results().areas[WARDS[1]].slug}.html"]
    assert 'id="similar"' not in page(site, SILENT)
    assert "#similar" not in page(site, SILENT)


def test_neighbours_are_the_adjacent_wards(site: Path) -> None:
    markup = section(page(site, WARDS[1]), "neighbours")
    result = set(re.findall(r'<li><a href="([^"]*)\.html"', markup))
    assert result == {results().areas[code].slug for code in (WARDS[0], WARDS[2])}


def test_each_ward_has_a_card_and_the_table_has_every_edition(site: Path) -> None:
    markup = (site / "wards" / "index.html").read_text("utf-8")
    cards = re.findall(r"<li>\s*<h2>.*?</li>", markup, re.S)
    assert len(cards) == len(WARDS)
    assert sum('class="spark"' in card for card in cards) == len(WARDS) - 1
    for row in results().tables["score"].query("id == @contracts().framework.id and score == score").to_dict("records"):
        if row["area_code"] != TOWN:
            assert repr(row["score"]) in markup


def test_the_comparison_contains_all_wards_and_measures_without_a_script(site: Path) -> None:
    markup = (site / "compare.html").read_text("utf-8")
    elements = [element for element in results().elements.values() if element.level != "indicator"]
    rows = re.findall(r'<tr id="([^"]*)">(.*?)</tr>', markup, re.S)
    assert [name for name, _ in rows] == [ward.slug for ward in results().wards]
    for one, (_, cells) in zip(results().wards, rows, strict=True):
        result = re.findall(r"<td([^>]*)>", cells)
        assert len(result) == len(elements)
        for element, attributes in zip(elements, result, strict=True):
            row = results().scores[element.id, one.code]
            wanted = f' data-low="{row["rank_low"]:.0f}" data-high="{row["rank_high"]:.0f}"' if row["rank"] else ""
            assert attributes == wanted
    assert re.search(r'<div id="compare"[^>]* hidden>', markup)
    for one in results().wards:
        text = (site / f"static/wards/{one.slug}.js").read_text("utf-8")
        entry = json.loads(text.removeprefix(f'DATA["wards/{one.slug}"]=').removesuffix(";\n"))
        for element, (score, rank, low, high) in zip(elements, entry, strict=True):
            row = results().scores[element.id, one.code]
            assert score == ("no score" if row["score"] is None else f"{row['score']:.1f}")
            assert (low, high) == (row["rank_low"], row["rank_high"])
            assert rank.startswith("no rank" if row["rank"] is None else f"{row['rank']:.0f}")


def test_the_script_of_the_comparison_is_short_and_self_contained() -> None:
    script = (STATIC / "site.js").read_text("utf-8")
    own = script[script.index("(function compare()") :]
    own = own[: own.index("\n})();") + 6]
    assert len(own.splitlines()) <= 80


def test_marks_lines_and_bands_are_drawn_where_values_lie() -> None:
    assert drawing.ticks([0, 50, 50.1, 100], 1, 2) == "M0 1v2M50 1v2M100 1v2"
    assert drawing.line([0, None, 10, 5], 0, 10) == "M0 100h0M66.7 0L100 50"
    assert drawing.band([0, 0], [10, 5], 0, 10) == "M0 100L100 100L100 50L0 0Z"


def test_the_detail_of_a_map_contains_the_requested_wards() -> None:
    outlines = [drawing.Outline("a", "M0,0 10,0 10,10Z", 5, 5), drawing.Outline("b", "M90,90 99,90 99,99Z", 95, 95)]
    box, shown = drawing.around(drawing.WardMap(100, 100, outlines, (0.0, 0.0), 1.0), {"b"}, margin=1)
    assert box == "89 89 11 11"
    assert [outline.code for outline in shown] == ["b"]
