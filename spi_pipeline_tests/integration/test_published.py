"""The published database keeps its contracts, and its scores are recomputed from its observations alone."""

from __future__ import annotations

import hashlib
from collections import defaultdict

import pytest

from spi_pipeline.contracts.arrow import SQL_TYPES
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline_tests.integration.sandboxes import Sandbox

FARLEY, LUTON = "E05014742", "E06000032"


@pytest.fixture(scope="module")
def contracts(refreshed: Sandbox) -> Contracts:
    return refreshed.contracts


def test_every_product_is_a_table_with_its_columns_types_and_comments(refreshed: Sandbox, contracts: Contracts) -> None:
    tables = dict(refreshed.query("SELECT table_name, comment FROM duckdb_tables()"))
    published = [product for product in contracts.products.values() if product.published]
    assert set(tables) == {product.id for product in published}
    unpublished = {"element_score", "indicator_value", "own_area_allocation", "downloads", "report", "site"}
    assert contracts.products.keys() - {product.id for product in published} == unpublished, (
        "parts of other tables, and files"
    )
    for product in published:
        assert str(tables[product.id]).startswith(product.description)
        found = refreshed.query(
            "SELECT column_name, data_type, comment FROM duckdb_columns() WHERE table_name = ? ORDER BY column_index",
            product.id,
        )
        units = contracts.vocabulary.units
        # DuckDB lists types by their full names.
        types = SQL_TYPES | {"timestamp": "TIMESTAMP WITH TIME ZONE"}
        expected = [
            (
                column.name,
                types[column.type],
                f"{column.description} [{units[column.unit].title}]" if column.unit else column.description,
            )
            for column in product.columns
        ]
        assert found == expected
        assert all(comment for _, _, comment in found)


def test_keys_and_constraints_of_the_contracts_are_in_the_database(refreshed: Sandbox, contracts: Contracts) -> None:
    found = defaultdict(list)
    kinds = "SELECT table_name, constraint_type, constraint_column_names FROM duckdb_constraints()"
    for table, kind, columns in refreshed.query(kinds):
        found[table, kind].append(tuple(columns))
    for product in filter(lambda product: product.published, contracts.products.values()):
        keys = found[product.id, "PRIMARY KEY"]
        assert keys == ([product.key] if product.key else [])
        required = {(column.name,) for column in product.columns if column.required}
        assert required <= set(found[product.id, "NOT NULL"])
        bounded = [c for c in product.columns if c.values or c.minimum is not None or c.maximum is not None]
        assert len(found[product.id, "CHECK"]) == len(bounded)
    assert found["observation", "PRIMARY KEY"] == [("indicator_id", "area_code", "edition")]
    assert found["score", "PRIMARY KEY"] == [("edition", "profile", "level", "id", "area_code")]


def test_keys_are_unique(refreshed: Sandbox, contracts: Contracts) -> None:
    for product in contracts.products.values():
        if product.published and product.key:
            key = ", ".join(f'"{name}"' for name in product.key)
            repeated = refreshed.query(f"SELECT {key} FROM {product.id} GROUP BY ALL HAVING count(*) > 1")
            assert repeated == [], product.id


def test_no_number_is_nan(refreshed: Sandbox) -> None:
    doubles = refreshed.query("SELECT table_name, column_name FROM duckdb_columns() WHERE data_type = 'DOUBLE'")
    assert len(doubles) > 10
    for table, column in doubles:
        assert refreshed.query(f'SELECT count(*) FROM "{table}" WHERE isnan("{column}")') == [(0,)], f"{table}.{column}"


def test_every_area_and_edition_has_one_observation_of_each_indicator(refreshed: Sandbox, contracts: Contracts) -> None:
    areas = [*contracts.geography.ward_codes, *contracts.geography.authority_codes]
    assert refreshed.query("SELECT area_code FROM area ORDER BY 1") == [(code,) for code in sorted(areas)]
    editions = [year for (year,) in refreshed.query("SELECT DISTINCT edition FROM observation")]
    (count,) = refreshed.query("SELECT count(*) FROM observation")[0]
    assert count == len(areas) * len(editions) * len(contracts.indicators)


def test_a_value_is_present_exactly_if_its_status_implies_one(refreshed: Sandbox) -> None:
    found = dict(refreshed.query("SELECT status, count(value) = count(*) FROM observation GROUP BY status"))
    assert found.pop("observed")
    assert found.pop("carried")
    assert found.pop("held")
    assert found.pop("imputed")
    assert not any(found.values())
    assert refreshed.query("SELECT count(*) FROM observation WHERE status = 'missing' AND value IS NOT NULL") == [(0,)]


def test_every_value_is_traced_to_files_of_its_source(refreshed: Sandbox, contracts: Contracts) -> None:
    """A value from one file has its SHA-256; a value from several has the SHA-256 of theirs, ordered by period.

    If the rows of a source differ in their period, only the files of that period count; otherwise all files do.
    """
    files = defaultdict(list)
    for source, period, sha256 in refreshed.query("SELECT source_id, period, sha256 FROM source_release ORDER BY 2, 3"):
        files[source].append((period, sha256))
    spans = refreshed.query(
        "SELECT DISTINCT source_id, raw_sha256, period_start::VARCHAR, period_end::VARCHAR FROM observation "
        "WHERE status IN ('observed', 'carried', 'held')",
    )
    assert len(spans) >= 20
    for source, digest, start, end in spans:
        own = [sha256 for _, sha256 in files[source]]
        if digest in own:
            continue
        used = own
        if contracts.sources[source].properties.period.column is not None:
            used = [sha256 for period, sha256 in files[source] if start[: len(period)] <= period <= end[: len(period)]]
        assert len(used) > 1, source
        assert hashlib.sha256("".join(used).encode()).hexdigest() == digest, (source, start, end)


def test_every_source_is_released_with_url_and_licence(refreshed: Sandbox, contracts: Contracts) -> None:
    found = refreshed.query("SELECT DISTINCT source_id, url, licence, state FROM source_release ORDER BY 1")
    # In snapshot mode every source is frozen; sources without embedded figures take no part in the run.
    assert found == [
        (name, source.properties.url, source.properties.licence, "frozen")
        for name, source in sorted(contracts.sources.items())
        if name not in contracts.unavailable
    ]


def test_wards_are_ranked_from_one_to_twenty(refreshed: Sandbox, contracts: Contracts) -> None:
    editions = refreshed.query("SELECT edition, profile FROM edition ORDER BY ALL")
    assert len(editions) >= 2
    for edition, profile in editions:
        found = refreshed.query(
            "SELECT area_code, \"rank\" FROM score WHERE level = 'index' AND edition = ? AND profile = ? "
            "ORDER BY score DESC",
            edition,
            profile,
        )
        wards = [(code, rank) for code, rank in found if code != LUTON]
        assert {code for code, _ in wards} == set(contracts.geography.ward_codes)
        assert [rank for _, rank in wards] == list(range(1, 21))
        assert (LUTON, None) in found


def test_farleys_turnout_is_imputed_under_spi_and_absent_under_equal(refreshed: Sandbox) -> None:
    cells = refreshed.query("SELECT profile, edition, value FROM imputation WHERE indicator_id = 'turnout' ORDER BY 2")
    assert cells
    for profile, edition, value in cells:
        assert profile == "spi"
        observed = refreshed.query(
            "SELECT status, value FROM observation WHERE indicator_id = 'turnout' AND area_code = ? AND edition = ?",
            FARLEY,
            edition,
        )
        assert observed == [("imputed", value)]
        scores = dict(
            refreshed.query(
                "SELECT profile, score FROM score WHERE id = 'turnout' AND area_code = ? AND edition = ?",
                FARLEY,
                edition,
            )
        )
        assert scores["equal"] is None
        assert scores["spi"] == pytest.approx((value - 10) / (60 - 10) * 100)
        (others,) = refreshed.query(
            "SELECT count(*) FROM observation WHERE indicator_id = 'turnout' AND status = 'imputed' "
            "AND area_code <> ? AND edition = ?",
            FARLEY,
            edition,
        )[0]
        assert others == 0


def test_contributions_add_up_to_the_score(refreshed: Sandbox) -> None:
    sums = refreshed.query(
        """
        SELECT s.level, s.score, c.points
        FROM score s JOIN (SELECT edition, profile, area_code, parent_id AS id, sum(contribution) AS points
                           FROM contribution GROUP BY ALL) c USING (edition, profile, area_code, id)
        """,
    )
    assert {level for level, _, _ in sums} == {"component", "dimension", "index"}
    assert all(points == pytest.approx(score, abs=1e-9) for _, score, points in sums)
    scored = refreshed.query("SELECT count(*) FROM score WHERE level <> 'indicator' AND score IS NOT NULL")
    assert scored == [(len(sums),)]


class ByHand:
    """The index in plain Python, from observations, goalposts and nominal weights, as the contracts describe it."""

    def __init__(self, refreshed: Sandbox, contracts: Contracts, profile: str, edition: int) -> None:
        self.contracts = contracts
        catalogue = "SELECT indicator_id, component_id, worst, best FROM indicator WHERE in_basis"
        self.indicators = {row[0]: row[1:] for row in refreshed.query(catalogue)}
        values = "SELECT indicator_id, area_code, status, value FROM observation WHERE edition = ?"
        self.values = {
            (indicator, area): value
            for indicator, area, status, value in refreshed.query(values, edition)
            if status in ("observed", "carried", "held") or (status == "imputed" and profile == "spi")
        }
        known = "SELECT parent_id, id, weight FROM weight WHERE profile = ? AND edition = ?"
        self.weights = {(parent, child): weight for parent, child, weight in refreshed.query(known, profile, edition)}
        self.available = contracts.framework.profiles[profile].methods["available"]

    def indicator(self, name: str, area: str) -> float | None:
        _, worst, best = self.indicators[name]
        value = self.values.get((name, area))
        return None if value is None else 100 * min(max((value - worst) / (best - worst), 0), 1)

    def component(self, name: str, area: str) -> float | None:
        inside = [other for other, (component, *_) in self.indicators.items() if component == name]
        return self._mean(name, {other: self.indicator(other, area) for other in inside})

    def index(self, area: str) -> float | None:
        framework = self.contracts.framework
        dimensions = {}
        for dimension in framework.dimensions:
            below = {component.id: self.component(component.id, area) for component in dimension.components}
            dimensions[dimension.id] = self._mean(dimension.id, below)
        return self._mean(framework.id, dimensions)

    def _mean(self, parent: str, below: dict[str, float | None]) -> float | None:
        known = {child: score for child, score in below.items() if score is not None}
        if len(known) < self.available * len(below):
            return None
        total = sum(self.weights[parent, child] for child in known)
        return sum(self.weights[parent, child] * score for child, score in known.items()) / total


@pytest.mark.parametrize("profile", ["spi", "equal"])
def test_scores_equal_those_computed_by_hand(refreshed: Sandbox, contracts: Contracts, profile: str) -> None:
    editions = [year for (year,) in refreshed.query("SELECT edition FROM edition WHERE profile = ?", profile)]
    areas = [area for (area,) in refreshed.query("SELECT area_code FROM area")]
    compared = 0
    for edition in editions:
        hand = ByHand(refreshed, contracts, profile, edition)
        query = "SELECT id, area_code, score FROM score WHERE edition = ? AND profile = ? AND id IN (?, ?, ?, ?)"
        elements = ("housing", "rights_and_voice", "health", contracts.framework.id)
        for element, area, score in refreshed.query(query, edition, profile, *elements):
            by_hand = hand.index(area) if element == contracts.framework.id else hand.component(element, area)
            assert score == pytest.approx(by_hand, abs=1e-9), (element, area, edition)
            compared += score is not None
    assert compared >= 2 * len(areas) * len(editions)


def test_the_context_is_added_up_before_it_is_divided(refreshed: Sandbox, contracts: Contracts) -> None:
    known = refreshed.query("SELECT DISTINCT measure_id FROM context WHERE value IS NOT NULL")
    assert {name for (name,) in known} == set(contracts.context)
    value = refreshed.query("SELECT value FROM context WHERE measure_id = 'fuel_poor_lilee' AND area_code = ? "
                "AND period_end = DATE '2022-12-31'", LUTON)  # fmt: skip
    by_hand = refreshed.query("SELECT 100.0 * sum(fuel_poor) / sum(households) FROM read_parquet(?) WHERE year = 2022",
                   str(refreshed.embedded("fuel_poverty_lilee")))  # fmt: skip
    assert value[0] == pytest.approx(by_hand[0])
