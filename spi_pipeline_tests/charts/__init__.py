"""How often the control charts of the newest months give false signals, and how soon they find real changes.

``real`` takes the counts of every ward from the embedded figures, ``histories`` draws histories without a change from
these counts, and ``performance`` counts signals and delays.

    python -m spi_pipeline_tests.charts            takes some two minutes
    python -m spi_pipeline_tests.charts --write    also writes the tables into docs/reading-the-index.md
"""
