"""The embedded real figures, and the importers that read publishers' files into them."""
