"""A store that machines share: immutable objects and one manifest at a URL, and a working copy on each machine.

``objects`` knows the object store and nothing of what is stored; ``copy`` brings a working copy to what the manifest
says, and sends what a command made of it. All else of the room sees a folder, the working copy.
"""
