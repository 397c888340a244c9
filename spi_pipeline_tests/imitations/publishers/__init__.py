"""One module or package for each publisher, named like its module in spi_pipeline: its imitation and sample files."""
