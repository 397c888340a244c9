"""From source tables to the value of each indicator for each ward and edition."""
