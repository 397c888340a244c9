"""The open-data folder: what was published with descriptions that other programs read, for any server of files.

A module for each form of description; ``description`` holds what they all say, taken from contracts.
"""
