"""Allocation of small areas and points to wards; conserves totals."""
