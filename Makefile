# Thin: every line here is a command that can be typed by hand once .venv is on the PATH.
SHELL := /bin/bash
CORES ?= $(shell nproc 2>/dev/null || sysctl -n hw.ncpu)
PYTHON ?= python3
# A folder with a params.yaml; examples/demo is another one.
STUDY ?= .
# The python of an environment with Flair (docs/benchmarks.md); empty: Flair is left out.
FLAIR ?=
CORPUS ?= data/iobes/BC5CDR-chem
INSTALLED := .venv/.installed
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export DVC_NO_ANALYTICS := 1
export MLFLOW_DISABLE_TELEMETRY := true

.PHONY: help install demo test lint schema bench ui reproduce

help:  ## This list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(INSTALLED)  ## A virtual environment in .venv with the pinned packages

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	.venv/bin/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: $(INSTALLED)  ## The whole pipeline on small corpora of our own: STM and MTM, in about a minute
	cd examples/demo && snakemake --snakefile ../../Snakefile --cores $(CORES) --quiet rules host
	@cd examples/demo && metalstm show results/tables/demo.csv
	@echo
	@echo "Everything is in examples/demo/results: tables/, and a folder for each run below runs/."
	@echo "Next: . .venv/bin/activate, change a value in examples/demo/params.yaml and type make demo again;"
	@echo "or the real corpora: snakemake --cores $(CORES) results/tables/disease.csv. README.md says more."

test: $(INSTALLED)  ## The test suite
	pytest -n 2

lint: $(INSTALLED)  ## Style, types, workflow
	ruff check .
	ruff format --check .
	mypy
	snakefmt --check Snakefile workflow
	snakemake --lint

schema: $(INSTALLED)  ## The JSON schema of params.yaml anew, after a change in the options
	python -m metalstm.json_schema workflow/schemas/params.schema.json

bench: $(INSTALLED)  ## Speed beside Flair, torch and pytorch-crf; tables in docs/benchmarks.md (FLAIR=PYTHON for Flair)
	python benchmarks/peers.py --flair '$(FLAIR)' --train $(CORPUS)/train.tsv --test $(CORPUS)/test.tsv
	python benchmarks/step.py --train $(CORPUS)/train.tsv
	python benchmarks/layers.py --batches 20 --rounds 3
	python benchmarks/characters.py --train $(CORPUS)/train.tsv
	python benchmarks/crf.py
	python benchmarks/optimisers.py --train $(CORPUS)/train.tsv
	python benchmarks/jobs.py --corpus $(CORPUS)
	python benchmarks/tables.py

ui: $(INSTALLED)  ## The runs in a browser, at http://127.0.0.1:5000 (make ui STUDY=examples/demo)
	cd $(STUDY) && MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false mlflow ui --backend-store-uri sqlite:///mlflow.db --workers 1

reproduce: $(INSTALLED)  ## The whole study of params.yaml
	snakemake --directory $(STUDY) --cores $(CORES)
