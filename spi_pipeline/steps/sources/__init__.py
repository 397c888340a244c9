"""How figures enter the pipeline: responses of publishers, or the embedded figures, are parsed into tables."""
