"""Steps, staleness and Dagster: the only room that imports dagster."""
