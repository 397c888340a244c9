"""The store on disk, written atomically; the only package that knows the paths below its root."""
