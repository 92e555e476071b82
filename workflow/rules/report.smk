# Snakemake's report shows figures and HTML, and offers everything else for download only.
rule report_pages:
    input:
        [f"{RESULTS}/{page.source}" for page in PAGES.values()],
    output:
        [
            report(f"{RESULTS}/report/{name}.html", **page.for_report())
            for name, page in PAGES.items()
        ],
    log:
        f"{RESULTS}/logs/report_pages.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        machine_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        code=code("report_pages"),
    script:
        "../scripts/report_pages.py"


onsuccess:
    # What to read is soon lost among the messages of a run.
    if Path(f"{RESULTS}/summary.md").exists():
        print(f"What study {config['study']} has found: {RESULTS}/summary.md", file=sys.stderr)
