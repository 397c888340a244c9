"""Mutation tests of the data checks: spoil every real table in many ways and judge it by its own contract.

``kinds`` spoils a table, ``tables`` finds the real tables, ``run`` judges, and ``report`` lists what was missed.

    python -m spi_pipeline_tests.mutations            all mutations, some minutes
    python -m spi_pipeline_tests.mutations --write    and puts the tables into docs/contracts.md
"""
