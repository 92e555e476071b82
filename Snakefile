from snakemake.utils import min_version

min_version("9.27")


# A config file stands alone: the default study is not merged into the user's.
if not workflow.overwrite_configfiles:

    configfile: workflow.source_path("config/config.yaml")


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/resources.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/search.smk"
include: "workflow/rules/rungs.smk"
include: "workflow/rules/retrain.smk"
include: "workflow/rules/analysis.smk"
include: "workflow/rules/export.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/origins.smk"
include: "workflow/rules/messages.smk"


rule all:
    default_target: True
    input:
        rules.prepare.output,
        rules.search.input,
        rules.retrain.input,
        rules.export.output,
        rules.figures.output,
        rules.summarise.output,
        rules.explore.output,
        rules.provenance.output,
        rules.report_pages.output,
