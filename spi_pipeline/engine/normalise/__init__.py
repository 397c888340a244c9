"""Treatment of outliers, transforms and normalisation: from raw values to scores on a common scale.

The functions work on panels. ``framework`` reads which method an indicator uses, and ``calculate`` calls it.
"""
