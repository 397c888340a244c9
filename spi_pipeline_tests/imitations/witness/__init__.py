"""A third imitation of the publishers, written from cited evidence alone by somebody who had not read the client.

Every module answers for one publisher and ends with what its answers rest on: the publisher's own code, its
documentation, files others committed, clients that say when they asked. Where nothing was found, the table says so, and
the plainest thing was done. Where the client and an answer disagree, the client is doubted first.
"""
