"""What readers see: publications, of which the newest is current, and releases, which stay as they were signed."""
