"""Disks that fill up, refuse and forget, and processes that are killed, at every step of a refresh."""
