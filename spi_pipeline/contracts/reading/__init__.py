"""From YAML to typed objects, so that every fault can name its line.

What one file holds, and what all of them make up, belongs here; whether files fit each other is for ``lint``, which
nothing here reaches: a message of lint reworded makes no table stale.
"""
