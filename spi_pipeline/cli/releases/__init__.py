"""``spi release`` and ``spi diff``: immutable releases, and why scores differ between them."""
