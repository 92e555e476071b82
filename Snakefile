# For `snakemake` without further options in a clone. The workflow itself stands where Snakemake
# expects it in a hosted repository.
include: "workflow/Snakefile"


# Snakemake forgets the default target of a file that is included.
TARGET = workflow.modifier.modify_rulename("all")
if workflow.is_rule(TARGET):
    workflow.default_target = TARGET
