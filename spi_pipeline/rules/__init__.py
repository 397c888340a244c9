"""Rules on tables: the only room that knows Great Expectations."""
