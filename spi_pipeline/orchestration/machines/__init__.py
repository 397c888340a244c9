"""Many councils, on one machine or several: Dagster launches a run for each council, Celery carries runs to workers."""
