"""The steps of the pipeline: one file for each kind, with its inputs, its outputs, its function and its page.

This package defines how a table follows from other tables, downloads or embedded figures. Its functions are pure:
inputs in, tables out. ``run`` decides when a step is due and what happens to a table that breaks a rule, ``storage``
stores the tables, and Dagster belongs in ``orchestration``.
"""
