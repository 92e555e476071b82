# `make run` and `make test` need Python >= 3.11 with its venv module, and nothing else.
PYTHON ?= python3
VENV := .venv

.PHONY: install run test test-campaigns test-slurm test-browser test-fortran test-gpu check

install: $(VENV)/installed

run: $(VENV)/installed
	$(VENV)/bin/snakemake --cores all

# OPTIONS names some of them, or others. The workflow's come first, each file of which takes long;
# those of the library are short and fill both workers to the end.
test: $(VENV)/installed-dev
	$(VENV)/bin/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(OPTIONS)

# Kills at random moments, mutated configs and files, damaged results: in short.
test-campaigns: $(VENV)/installed-dev
	$(VENV)/bin/python -m pytest -n 2 --dist loadfile tests/campaigns

# The profile for clusters, on a Slurm of this machine: needs the Debian packages slurmctld, slurmd,
# slurm-client and munge, and says so if they are not there. Nothing is installed or left running.
# OPTIONS='-m "not slow"' leaves out the time limit, which takes minutes to be reached.
test-slurm: $(VENV)/installed-dev
	$(VENV)/bin/python -m pytest tests/slurm $(OPTIONS)

# The Fortran reader of exported models: needs the Debian package gfortran, and says so.
test-fortran: $(VENV)/installed-dev
	$(VENV)/bin/python -m pytest tests/fortran

# Training on a GPU: needs one, and says so. The continuous integration has none.
test-gpu: $(VENV)/installed-dev
	$(VENV)/bin/python -m pytest tests/gpu

# The report and the page to explore, opened in a browser: needs the Debian packages chromium and chromium-driver, and says so
# if they are not there.
test-browser: $(VENV)/installed-dev
	$(VENV)/bin/python -m pytest tests/browser

# What the continuous integration checks before any test: directions of imports, types, style.
check: $(VENV)/installed-dev
	$(VENV)/bin/lint-imports --no-cache --no-logo
	$(VENV)/bin/mypy
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/snakefmt --check Snakefile workflow evidence
	$(VENV)/bin/snakemake --lint
	$(VENV)/bin/snakemake --lint --snakefile evidence/Snakefile --config matrix=aerosol

$(VENV)/installed: envs/requirements.txt
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'Python >= 3.11 is needed')"
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install -r envs/requirements.txt
	touch $@

# With the library itself, as tests and benchmarks import it. The workflow does not need that.
$(VENV)/installed-dev: $(VENV)/installed envs/requirements-dev.txt pyproject.toml
	$(VENV)/bin/pip install -r envs/requirements-dev.txt -e .
	touch $@
