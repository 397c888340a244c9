"""How files are read, as a publisher serves them or as they lie in a folder; no publisher's dialect."""
