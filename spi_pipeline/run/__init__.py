"""Running steps: the graph of all of them, which are stale, what became of each, and the record of it.

Here belongs everything that is true of any step. What one kind of step computes belongs in ``steps``; who starts a run,
and how Dagster shows it, belongs in ``orchestration``.
"""
