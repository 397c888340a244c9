"""The embedded real figures: how they are written from publishers' files, or from a store, read, and corrected."""
