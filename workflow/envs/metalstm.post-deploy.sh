#!/usr/bin/env bash
# Snakemake runs this once in the new environment, from the folder that snakemake was started in.
set -euo pipefail
pip install --constraint constraints.txt --editable .
