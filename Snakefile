# For `snakemake` without further options in a clone. The workflow itself stands where Snakemake
# expects it in a hosted repository.
include: "workflow/Snakefile"


# Snakemake forgets the default target of a file that is included. A workflow that imports this one
# keeps its own, if it has one.
if workflow.default_target is None:
    workflow.default_target = workflow.modifier.modify_rulename("all")
