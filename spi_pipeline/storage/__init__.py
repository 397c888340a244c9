"""What is kept on disk, atomically: the only room that knows paths below the store."""
