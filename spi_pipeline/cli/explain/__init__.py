"""``spi explain``: the command, and how it shows each kind of explanation on a terminal."""
