"""The steps that build what readers get: the site, the report and the downloads, each if the settings name it.

Each writes a table whose rows are files, and its contract checks the table before readers see any of it.
``publication`` comes last and replaces everything together.
"""
