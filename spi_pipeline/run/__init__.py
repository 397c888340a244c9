"""Running steps: the graph of all steps, which of them are stale, their results, and the records of a run.

Code that applies to any step belongs here. The computation of one kind of step belongs in ``steps``; how a run starts,
and how Dagster shows it, belongs in ``orchestration``.
"""
