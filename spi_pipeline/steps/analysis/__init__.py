"""Analyses of the finished index. No step that computes the index reads from here."""
