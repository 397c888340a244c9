"""The steps that make what readers get: the site, the report and the files to take away, each where it is asked for.

Each writes a table whose rows are files, judged by its contract before readers see any of it; ``publication`` comes
last and swaps everything in together.
"""
