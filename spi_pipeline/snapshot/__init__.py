"""The embedded real figures: writing them from publishers' files or a store, reading them and correcting them."""
