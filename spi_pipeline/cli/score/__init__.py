"""``spi score``: any index from two files, a framework in YAML and values in CSV, Parquet or Excel."""
