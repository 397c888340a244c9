"""From YAML to typed objects, so that every fault can name its line.

This package reads each file by itself and assembles the contracts from all of them. ``lint`` checks whether files fit
each other. Nothing here imports ``lint``, so that a reworded message of lint makes no table stale.
"""
