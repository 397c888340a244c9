"""Publishers' own dialects: from bytes to tidy frames. This is the only package that uses HTTP."""
