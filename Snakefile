# For `snakemake` without further options in a clone. The workflow itself stands where Snakemake
# expects it in a hosted repository.
include: "workflow/Snakefile"


# Snakemake forgets the default target of a file that is included. A workflow that imports this one
# keeps its own.
if workflow.modifier.namespace is None:
    workflow.default_target = "all"
