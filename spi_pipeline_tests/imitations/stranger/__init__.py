"""Another server, for an invented town, which shares nothing with the first; see ``server``."""
