"""Reads files, as a publisher serves them or from a folder; no publisher's dialect."""
