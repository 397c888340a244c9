"""A store that machines share: immutable objects and one manifest at a URL, and a working copy on each machine.

``objects`` knows the object store, but not the content stored in it. ``copy`` downloads the state of the manifest into
a working copy, and uploads the changes of a command. The rest of the package only sees a folder, the working copy.
"""
