"""``spi explain``: the command, and how each kind of explanation looks on a terminal."""
