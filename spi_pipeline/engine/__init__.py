"""The mathematics of composite indices; knows no Luton, no files and nothing of ours.

``normalise``, ``weights``, ``aggregate`` and ``impute`` hold methods on bare panels. ``framework`` reads what an index
is made of and by which of them it is computed, ``calculate`` computes it, ``uncertainty`` recalculates it with what may
be doubted drawn anew. A part imports those named before it, never one named after.

Beside them stand what all of them need (``errors``, ``panel``), statistics of their own (``intervals`` of counts,
``rank``, ``peers``, ``sanity``) and the look back at an index computed (``analysis``).
"""
