"""Computation of an index: the methods that a framework names, applied in order to its values.

This package holds the order of the steps and the look-up of methods by name. The methods themselves are in
``normalise``, ``weights``, ``aggregate`` and ``impute``; ``framework`` reads frameworks.
"""
