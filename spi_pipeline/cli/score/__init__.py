"""Any index from two files: a framework in YAML and values in CSV or Parquet, for ``spi score``."""
