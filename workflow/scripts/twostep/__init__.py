"""The library behind the rules: plain functions that know nothing of Snakemake."""
