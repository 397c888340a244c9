import re

from spi_pipeline.rules.kind import Case, Expectation, Kind, RuleFinding, RuleMessage, RuleQuery
from spi_pipeline.rules.rule import Rule
from spi_pipeline.rules.table import Table, quoted
from spi_pipeline.rules.wording import counted, listing

_GOOD = Case(("code",), {"regex": "a|ab"}, {"code": ["ab", "a", None]}, "2 rows match")


class Pattern(Kind):
    """Texts match a regular expression.

    ``regex`` is a Python regular expression that must match the whole text.
    """

    name, family = "pattern", "form"
    judges = "text"
    names_values = True
    cases = (_GOOD, _GOOD.but("2 of 2 rows do not match: ab\n, xab", 0, 1, code=["ab\n", "xab", None]))

    def expected(self, rule: Rule) -> str:
        return f"matches {rule.params['regex']}"

    def query(self, rule: Rule, table: Table) -> RuleQuery:
        # Python matches each distinct text once, since contracts use Python's patterns.
        (name,), regex = rule.columns, re.compile(_whole(rule))
        wrong = [text for text in table.texts(name) if not regex.search(text)]
        failing = f"{quoted(name)} IN {table.among(wrong)}" if wrong else "FALSE"
        return RuleQuery(failing, f"{quoted(name)} IS NOT NULL")

    def message(self, rule: Rule, finding: RuleFinding) -> RuleMessage:
        rows = counted(finding.judged, "row")
        if not finding.failing:
            return RuleMessage(f"{rows} match")
        return RuleMessage(f"{finding.failing:,} of {rows} do not match: {listing(finding.values)}")

    def expectations(self, rule: Rule, types: dict[str, str]) -> list[Expectation]:
        arguments = {"column": rule.columns[0], "regex": _whole(rule)}
        return [Expectation("ExpectColumnValuesToMatchRegex", arguments)]


def _whole(rule: Rule) -> str:
    r"""The pattern for the whole text; ``\Z`` because ``$`` would allow a final line break."""
    return rf"\A(?:{rule.params['regex']})\Z"
