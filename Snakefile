# For `snakemake` without further options in a clone. The workflow itself stands where Snakemake
# expects it in a hosted repository.
include: "workflow/Snakefile"
