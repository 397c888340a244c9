"""Faults at every step of a refresh: disks that fill up, fail or lose unsynced writes, and processes killed."""
