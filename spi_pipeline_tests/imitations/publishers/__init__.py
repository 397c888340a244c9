"""A module or package for each publisher, named as its own: how it is imitated, and files in its own shape."""
