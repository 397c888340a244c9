"""Dagster's web server as ``spi ui`` starts it: guarded against foreign web pages, and read-only where that is asked.

Here belongs who may ask the server for what. What it shows is Dagster's own.
"""
