import re

from spi_pipeline.rules.kind import Asked, Case, Found, Kind, Native, Told
from spi_pipeline.rules.rule import Rule
from spi_pipeline.rules.table import Table, quoted
from spi_pipeline.rules.wording import counted, listing

_GOOD = Case(("code",), {"regex": "a|ab"}, {"code": ["ab", "a", None]}, "2 rows match")


class Pattern(Kind):
    """Texts match a regular expression.

    ``regex`` is one of Python's and matches a text as a whole.
    """

    name, family = "pattern", "form"
    of = "text"
    names_values = True
    cases = (_GOOD, _GOOD.but("2 of 2 rows do not match: ab\n, xab", 0, 1, code=["ab\n", "xab", None]))

    def expected(self, rule: Rule) -> str:
        return f"matches {rule.params['regex']}"

    def ask(self, rule: Rule, table: Table) -> Asked:
        # Each text once, and asked of Python, whose patterns are those that contracts are written in.
        (name,), regex = rule.columns, re.compile(_whole(rule))
        wrong = [text for text in table.texts(name) if not regex.search(text)]
        failing = f"{quoted(name)} IN {table.among(wrong)}" if wrong else "FALSE"
        return Asked(failing, f"{quoted(name)} IS NOT NULL")

    def tell(self, rule: Rule, found: Found) -> Told:
        rows = counted(found.judged, "row")
        if not found.failing:
            return Told(f"{rows} match")
        return Told(f"{found.failing:,} of {rows} do not match: {listing(found.values)}")

    def native(self, rule: Rule, types: dict[str, str]) -> list[Native]:
        arguments = {"column": rule.columns[0], "regex": _whole(rule)}
        return [Native("ExpectColumnValuesToMatchRegex", arguments)]


def _whole(rule: Rule) -> str:
    r"""The pattern for a text as a whole; ``\Z`` because ``$`` would let a final line break pass."""
    return rf"\A(?:{rule.params['regex']})\Z"
