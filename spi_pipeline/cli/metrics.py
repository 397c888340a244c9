"""Writes the result of ``status`` as metrics for Prometheus, in its text format (version 0.0.4).

All metrics are gauges, since each scrape reads the current state: counts may fall when old runs are removed.
"""

from collections.abc import Iterator, Mapping
from typing import Any

# Help text of each metric.
HELP = {
    "spi_healthy": "1 if spi status finds no trouble, else 0.",
    "spi_trouble": "Number of troubles that spi status reports.",
    "spi_steps_due": "Steps that a refresh would run.",
    "spi_last_run_start_seconds": "When the last run began, as seconds since 1970.",
    "spi_last_run_duration_seconds": "Duration of the last run; absent while it goes on, or if it was killed.",
    "spi_last_run_outcome": "1 for the outcome of the last run.",
    "spi_last_run_requests": "Requests that the last run made to publishers, if it counted them.",
    "spi_last_run_failed_checks": "Rules of severity error that the last run found broken.",
    "spi_table_rows": "Rows of the current version of a table.",
    "spi_table_age_seconds": "Time since the current version of a table was written.",
    "spi_table_stale": "1 if a newer version of a table was refused or could not be made.",
    "spi_source_age_days": "Days since the newest figures of a source were published.",
    "spi_source_overdue": "1 if newer figures of a source are overdue by its publisher's calendar.",
    "spi_ticker_age_seconds": "Time since the last tick of a schedule or sensor that is on.",
    "spi_ticker_silent": "1 if a schedule or sensor that is on does not tick.",
    "spi_alerts_waiting": "Alerts that a channel has not accepted yet.",
}
Sample = tuple[str, Mapping[str, str], float | None]


def exposition(status: Mapping[str, Any]) -> str:
    """Return the result of ``status_of`` as text that Prometheus reads."""
    samples_by_name: dict[str, list[str]] = {}
    for name, labels, value in _samples(status):
        if value is not None:
            pairs = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
            samples_by_name.setdefault(name, []).append(
                f"{name}{{{pairs}}} {value:.15g}" if pairs else f"{name} {value:.15g}"
            )
    lines = [
        line
        for name, samples in samples_by_name.items()
        for line in (f"# HELP {name} {HELP[name]}", f"# TYPE {name} gauge", *samples)
    ]
    return "\n".join(lines) + "\n"


def _samples(status: Mapping[str, Any]) -> Iterator[Sample]:
    yield "spi_healthy", {}, float(status["healthy"])
    yield "spi_trouble", {}, len(status["trouble"])
    if "stale_steps" in status:
        yield "spi_steps_due", {}, len(status["stale_steps"])
    if last := status.get("last_run"):
        yield "spi_last_run_start_seconds", {}, last["began_seconds"]
        yield "spi_last_run_duration_seconds", {}, last["seconds"]
        yield "spi_last_run_outcome", {"outcome": last["state"], "launched_by": last["launched_by"]}, 1
        yield "spi_last_run_requests", {}, last["requests"]
        yield "spi_last_run_failed_checks", {}, last["failed_checks"]
    for item in status.get("tables", ()):
        table = {"table": item["table"]}
        yield "spi_table_rows", table, item["rows"]
        yield "spi_table_age_seconds", table, item["age_seconds"]
        yield "spi_table_stale", table, float(item["stale"])
    for item in status.get("sources", ()):
        yield "spi_source_age_days", {"source": item["source"]}, item["age_days"]
        yield "spi_source_overdue", {"source": item["source"]}, float(item["overdue"])
    for item in status.get("tickers", ()):
        ticker = {"name": item["name"], "kind": item["kind"]}
        yield "spi_ticker_age_seconds", ticker, item["age_seconds"]
        yield "spi_ticker_silent", ticker, float(bool(item["trouble"]))
    for item in status.get("alerts_waiting", ()):
        yield "spi_alerts_waiting", {"channel": item["channel"]}, item["messages"]


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


# The text for a store that cannot be read.
UNREADABLE = exposition({"healthy": False, "trouble": [""]})
