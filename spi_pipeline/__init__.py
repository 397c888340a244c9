"""The pipeline behind a ward-level Social Progress Index: public sources in, contract-checked tables and scores out."""
