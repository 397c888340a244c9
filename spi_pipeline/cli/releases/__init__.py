"""What was published for good, and why scores changed since: ``spi release`` and ``spi diff``."""
