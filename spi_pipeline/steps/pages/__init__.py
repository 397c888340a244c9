"""Pages of steps: what they are made of, as plain values and Markdown."""
