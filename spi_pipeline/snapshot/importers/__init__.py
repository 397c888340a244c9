"""One importer per source: from publishers' files to our tables."""
