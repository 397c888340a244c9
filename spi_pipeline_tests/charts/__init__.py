"""What the control charts of the newest months signal where nothing happens, and how soon they find what does.

``real`` takes the counts of every ward from the embedded figures, ``histories`` draws histories without a change from
them, ``performance`` counts signals and delays.

    python -m spi_pipeline_tests.charts            some two minutes
    python -m spi_pipeline_tests.charts --write    and puts the tables into docs/reading-the-index.md
"""
