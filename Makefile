# make .venv   the environment: all packages at their locked versions, and the `cornernet` command
# make demo    the experiment on embedded data: minutes on two CPU cores
# make test    the tests
# make docs    the documents, in site/
# make record  keeps what README and docs show of a finished profile: make record PROFILE=demo
# make mlflow  the tracking UI, on this machine only
# make campaign  kills runs at random moments: all must end as if nothing had happened; an hour
# make effects what each difference of text and code does to AP, measured again
#
# Paths are relative: make splits absolute ones at the spaces that a folder above may have.
PYTHON ?= python3
export PATH := $(CURDIR)/.venv/bin:$(PATH)
unexport PYTHONDONTWRITEBYTECODE # often set in containers; each process would compile all anew

.PHONY: demo test slow-test long-test campaign lint docs record figures mlflow smoke effects

# Set up once; again only when the lock or the project's own metadata change. pip works on one core, so
# two run side by side.
.venv/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or later is needed; $(PYTHON) is older. Try: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 2; }
	$(PYTHON) -m venv --clear .venv
	grep == requirements.lock | xargs -n 30 -P 2 \
	  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-compile --no-deps
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

.venv: .venv/.ready

# Same versions, the conda way. The lines above the packages stay as they are.
environment.yml: requirements.lock
	sed -n '1,/- pip:/p' $@ > $@.new
	sed -n 's/^\([a-zA-Z].*==.*\)/      - \1/p' $< >> $@.new
	mv $@.new $@

demo: .venv/.ready
	@snakemake --cores all --config profile=demo

smoke: .venv/.ready
	snakemake --cores all --config profile=smoke

# The pages of all profiles show what this found: src/cornernet/reporting/recorded_effects.yaml.
effects: .venv/.ready
	snakemake --cores all --config profile=differences
	cornernet record-effects --profile differences

test: .venv/.ready
	OMP_NUM_THREADS=1 python -m pytest -n 2 --dist loadscope --no-loadscope-reorder --durations 10

slow-test: .venv/.ready
	OMP_NUM_THREADS=1 python -m pytest -n 4 --dist loadscope --no-loadscope-reorder \
	  -m "slow and not long" --timeout 900 --durations 20

long-test: .venv/.ready
	OMP_NUM_THREADS=1 python -m pytest -n 2 --dist loadscope -m long --timeout 1800

# What README and docs show of a finished profile, kept as a record; the picture is the demo's.
PROFILE ?= demo
record: .venv/.ready
	mkdir -p reports/records/$(PROFILE)
	cp reports/$(PROFILE)/results.csv reports/$(PROFILE)/seeds.csv reports/$(PROFILE)/claims.csv \
	  reports/$(PROFILE)/claims.csv.provenance.json reports/records/$(PROFILE)
	python docs/figures.py $(if $(filter demo,$(PROFILE)),reports/demo/figures/gallery)

# Writes the figures of today's records into README and docs.
figures: .venv/.ready
	python docs/figures.py

docs: .venv/.ready
	NO_MKDOCS_2_WARNING=1 mkdocs build --strict --quiet

campaign: .venv/.ready
	PYTHONPATH=src:tests python -m campaign

lint: .venv/.ready
	ruff check .
	ruff format --check .
	snakefmt --check Snakefile workflow/rules
	snakemake --lint --config profile=paper
	mypy

# MLflow is told what it lacks of the files before its pages open; one worker is enough.
mlflow: .venv/.ready
	@cornernet tracking --port $${PORT:-5000}
	MLFLOW_DISABLE_TELEMETRY=true DO_NOT_TRACK=true MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false \
	  mlflow server --host 127.0.0.1 --port $${PORT:-5000} --workers 1 \
	  --backend-store-uri sqlite:///data/mlflow/mlflow.db --default-artifact-root data/mlflow/artifacts
