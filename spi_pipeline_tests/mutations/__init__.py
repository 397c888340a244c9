"""What checks let through: every real table spoilt in every way there is, and judged by its own contract.

``kinds`` spoils a table, ``tables`` finds the real ones, ``run`` judges, ``report`` words what was missed.

    python -m spi_pipeline_tests.mutations            all of them, some minutes
    python -m spi_pipeline_tests.mutations --write    and puts the tables into docs/contracts.md
"""
