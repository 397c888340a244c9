"""Publishers' own dialects: bytes to tidy frames; the only room that knows HTTP."""
