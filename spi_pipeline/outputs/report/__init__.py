"""The printable report: one tagged PDF (PDF/UA-1), with a summary of the town and two pages on each ward.

``content`` gathers the text from the pages of the site, ``pictures`` draws the pictures next to it, ``report.typ`` lays
it out, ``build`` makes the file, and ``headers`` tags the names of rows as headers. Only what paper alone needs belongs
here: what is computed or said of a ward belongs to the site. Names and sentences reach the layout as data, never as
code.
"""
