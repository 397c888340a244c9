"""``docs/contracts.md`` lists the rule kinds of the code, and its tables of mutations agree with each other."""

from __future__ import annotations

from collections import Counter

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.rules.evaluation import GREAT_EXPECTATIONS_BELOW
from spi_pipeline.rules.kind import Kind
from spi_pipeline.rules.kinds import KINDS
from spi_pipeline.rules.rule import Rule
from spi_pipeline_tests.docs.documents import assert_table, markdown_table, table_in, text
from spi_pipeline_tests.mutations.report import BY_KIND, DOCUMENT, MISSED, known_as_missed


def test_rule_kinds(contracts: Contracts) -> None:
    tables = [*contracts.sources.values(), *contracts.products.values()]
    used = Counter(rule.kind for table in tables for rule in table.rules)
    rows = [
        [
            f"`{name}`",
            kind.family,
            _page(kind),
            _yes_or_blank(kind.declaration),
            _yes_or_blank(_native(kind)),
            used[name],
        ]
        for name, kind in KINDS.items()
    ]
    header = ["Kind", "Family", "Promise", "May be stated", "Great Expectations", "Rules"]
    assert_table(DOCUMENT, "rule kinds", markdown_table(header, rows, numbers=header[5:]))


def _yes_or_blank(value: object) -> str:
    return "yes" if value else ""


def _page(kind: Kind) -> str:
    """The kind's docstring, and the message of the first example that breaks it."""
    broken = next(case for case in kind.cases if case.fails)
    return f'{" ".join((kind.__doc__ or "").split())} Broken: "{broken.message}"'.replace("``", "`").replace(
        "\n", "\\n"
    )


def _native(kind: Kind) -> bool:
    rules = [(Rule("", kind.name, "error", "", case.columns, case.params), case.rows) for case in kind.cases]
    return any(kind.expectations(rule, dict.fromkeys(rows, "")) for rule, rows in rules)


def test_the_page_states_the_row_limit_for_great_expectations() -> None:
    assert f"Below {GREAT_EXPECTATIONS_BELOW:,} rows Great Expectations decides" in text(DOCUMENT)


def test_the_tables_of_mutations_agree() -> None:
    lines = table_in(DOCUMENT, BY_KIND).splitlines()[2:]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    counts = {kind: [int(number.split(" ")[0].replace(",", "")) for number in numbers] for kind, *numbers in rows}
    total = counts.pop("all")
    assert total == [sum(column) for column in zip(*counts.values(), strict=True)]
    assert all(tried == refused + reported + missed for tried, refused, reported, missed in [*counts.values(), total])
    assert total[3] <= 0.05 * total[0]
    assert {kind for _, _, kind in known_as_missed(table_in(DOCUMENT, MISSED))} == {
        kind for kind, (_, _, _, missed) in counts.items() if missed
    }
    never = ("column dropped", "retyped", "retyped to fractions", "codes swapped to old wards")
    # Two tables may contain any ward of England, so they accept the town's former wards.
    assert [counts[kind][3] for kind in never] == [0, 0, 0, 2]
