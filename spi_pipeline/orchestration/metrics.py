"""What ``status`` found as figures for Prometheus, in its text format (version 0.0.4); nothing is looked at again.

All are gauges, since each look reads what is so now: counts may fall when old runs are cleared away.
"""

from collections.abc import Iterator, Mapping
from typing import Any

# By metric, what it is.
HELP = {
    "spi_healthy": "1 where spi status finds no trouble, else 0.",
    "spi_trouble": "How many things are not as they should be.",
    "spi_steps_due": "Steps that a refresh would run.",
    "spi_last_run_start_seconds": "When the last run began, as seconds since 1970.",
    "spi_last_run_duration_seconds": "How long the last run took; absent while it goes on, or where it was killed.",
    "spi_last_run_outcome": "1 for what the last run came to.",
    "spi_last_run_requests": "Requests that the last run made to publishers, where it counted them.",
    "spi_last_run_failed_checks": "Rules of severity error that the last run found broken.",
    "spi_table_rows": "Rows of the current version of a table.",
    "spi_table_age_seconds": "How long ago the current version of a table was written.",
    "spi_table_stale": "1 where a newer version of a table was refused or could not be had.",
    "spi_source_age_days": "Days since the newest figures of a source were published.",
    "spi_source_overdue": "1 where a source is older than its publisher's calendar lets one expect.",
    "spi_ticker_age_seconds": "How long ago a schedule or sensor that is on ticked last.",
    "spi_ticker_silent": "1 where a schedule or sensor that is on does not tick.",
    "spi_alerts_waiting": "Alerts that a channel has not accepted yet.",
}
Sample = tuple[str, Mapping[str, str], float | None]


def exposition(found: Mapping[str, Any]) -> str:
    """What ``status_of`` returned, as the text that Prometheus reads."""
    by_name: dict[str, list[str]] = {}
    for name, labels, value in _samples(found):
        if value is not None:
            told = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
            by_name.setdefault(name, []).append(f"{name}{{{told}}} {value:.15g}" if told else f"{name} {value:.15g}")
    lines = [
        line
        for name, samples in by_name.items()
        for line in (f"# HELP {name} {HELP[name]}", f"# TYPE {name} gauge", *samples)
    ]
    return "\n".join(lines) + "\n"


def _samples(found: Mapping[str, Any]) -> Iterator[Sample]:
    yield "spi_healthy", {}, float(found["healthy"])
    yield "spi_trouble", {}, len(found["trouble"])
    if "stale_steps" in found:
        yield "spi_steps_due", {}, len(found["stale_steps"])
    if last := found.get("last_run"):
        yield "spi_last_run_start_seconds", {}, last["began_seconds"]
        yield "spi_last_run_duration_seconds", {}, last["seconds"]
        yield "spi_last_run_outcome", {"outcome": last["state"], "launched_by": last["launched_by"]}, 1
        yield "spi_last_run_requests", {}, last["requests"]
        yield "spi_last_run_failed_checks", {}, last["failed_checks"]
    for item in found.get("tables", ()):
        table = {"table": item["table"]}
        yield "spi_table_rows", table, item["rows"]
        yield "spi_table_age_seconds", table, item["age_seconds"]
        yield "spi_table_stale", table, float(item["stale"])
    for item in found.get("sources", ()):
        yield "spi_source_age_days", {"source": item["source"]}, item["age_days"]
        yield "spi_source_overdue", {"source": item["source"]}, float(item["overdue"])
    for item in found.get("tickers", ()):
        ticker = {"name": item["name"], "kind": item["kind"]}
        yield "spi_ticker_age_seconds", ticker, item["age_seconds"]
        yield "spi_ticker_silent", ticker, float(bool(item["trouble"]))
    for item in found.get("alerts_waiting", ()):
        yield "spi_alerts_waiting", {"channel": item["channel"]}, item["messages"]


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


# Of a store that cannot be read.
UNREADABLE = exposition({"healthy": False, "trouble": [""]})
