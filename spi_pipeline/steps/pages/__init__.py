"""The content of the pages of steps, as plain values and Markdown."""
