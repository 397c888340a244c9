"""Dagster: assets, checks, jobs, schedules, sensors and the instance; the only package that imports Dagster.

This package decides how a run starts and how it is shown. The computation of a step belongs in ``steps``, and the
handling of its outputs in ``run``.
"""
