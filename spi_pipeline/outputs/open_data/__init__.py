"""The open-data folder: the publication with machine-readable descriptions, ready for any file server.

Each form of description has a module of its own; ``description`` holds the content they share, from the contracts.
"""
