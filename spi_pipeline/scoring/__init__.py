"""The framework applied: from observations to scores of components, dimensions and the index."""
