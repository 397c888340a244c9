"""The status, the incidents of runs, tables and sources that alerts report, and the watch over ticks.

This package reads runs, tables and Dagster's records, and changes nothing. Code that starts, records or ends a run
belongs in the package above.
"""
