"""What readers get from the store: explanations, and later site and downloads."""
