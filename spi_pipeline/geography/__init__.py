"""Allocation of small areas and points to wards. Allocation conserves totals."""
