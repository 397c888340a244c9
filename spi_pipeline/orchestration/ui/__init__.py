"""Dagster's web server as ``spi ui`` starts it: guarded against foreign web pages, and read-only on request.

This package decides which requests the server accepts. The pages that it serves are Dagster's own.
"""
