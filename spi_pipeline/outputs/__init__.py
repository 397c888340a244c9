"""What readers get, and questions put to it.

Here belongs an output: a function from one consistent set of tables to files, one file for each output. Outputs write
into an empty folder that they are given; where it lies, and how readers come to see it, belongs in ``storage``.
"""
