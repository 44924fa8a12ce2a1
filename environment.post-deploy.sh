#!/usr/bin/env bash
# Run by Snakemake in an environment that it made from environment.yml (`--sdm conda`).
set -euo pipefail
python -m pip install --no-deps --no-build-isolation -e .
