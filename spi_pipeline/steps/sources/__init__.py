"""How figures come in: publishers are asked, and what they answered, or the embedded figures, is read into tables."""
