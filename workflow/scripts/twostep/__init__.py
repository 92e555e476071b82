"""The library behind the rules: plain functions that know nothing of Snakemake."""

import gc

# Modules that are loaded live until the end: looking among them for garbage each time that some
# hundred objects have come to life is a seventh of the start of a job.
gc.set_threshold(100_000)
