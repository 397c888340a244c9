"""The witness: a third imitation, written from cited evidence alone by an author who had not read the client.

Each module imitates one publisher and ends with a table of its evidence: the publisher's own code, its documentation,
files that others committed, and clients that state when they made their requests. If there is no evidence, the table
says so, and the module does the simplest thing. If client and witness disagree, suspect the client first.
"""
