"""The mathematics of composite indices; knows no Luton, no files and nothing of ours."""
