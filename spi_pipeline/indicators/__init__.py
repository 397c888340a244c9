"""Compute the value of each indicator for each ward and edition from source tables."""
