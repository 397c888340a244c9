"""Uncertainty and sensitivity analysis of an index: recalculations with sources of uncertainty drawn at random.

``framework.uncertainty_settings`` reads the sources of uncertainty; ``calculate`` holds the calculation itself.
"""
