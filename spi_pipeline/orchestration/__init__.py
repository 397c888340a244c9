"""Dagster: assets, checks, jobs, schedules, sensors and the instance; the only room that imports dagster.

Here belongs who starts a run and how it is shown. What a step computes belongs in ``steps``, and what becomes of it in
``run``.
"""
