"""An index computed: the methods a framework names, applied in their order to its values.

The order of steps and the look-up of methods by name belong here; the methods themselves, reading a framework and
drawing anew do not.
"""
