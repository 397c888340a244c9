"""Many councils, on one machine or several: Dagster hands out the councils, Celery carries the runs to workers."""
