"""The printable report: one tagged PDF (PDF/UA-1), a summary of the town and two pages on each ward.

``content`` gathers what is said, from what the pages of the site say; ``pictures`` draws what stands beside it;
``report.typ`` lays it out; ``build`` makes the file, and ``headers`` tags the names of rows as headers. Here belongs
what only paper needs: what is computed or said of a ward belongs to the site. Names and sentences reach the layout as
data, never as its code.
"""
