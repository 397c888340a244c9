"""Publications, of which readers see the newest, and releases, which are immutable once signed."""
