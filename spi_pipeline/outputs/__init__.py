"""The outputs that readers get, and the questions they can put to the published database.

An output is a function from one consistent set of tables to files; each output has a file of its own here. It writes
into an empty folder that its caller gives it; ``storage`` decides where that folder lies and how readers come to see
it.
"""
