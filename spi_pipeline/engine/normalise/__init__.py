"""From raw values to scores on a common scale: outliers pulled in, transforms, and the ways to score.

Functions of a panel belong here; which of them an indicator asks for is read in ``framework`` and looked up in
``calculate``.
"""
