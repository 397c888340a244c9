"""The steps of the pipeline: one file for each kind, with what it reads, what it writes, its function and its page.

Here belongs how a table follows from other tables, downloads or embedded figures. Functions here are pure: inputs in,
tables out. When a step is due, what becomes of a table that breaks a rule and where tables are kept belong in ``run``
and ``storage``; Dagster belongs in ``orchestration``.
"""
