# Flarewatch: `make demo` shows it, `make test` proves it, `make setup` prepares development.
PYTHON ?= python3
PIP := .venv/bin/pip install --quiet --disable-pip-version-check --no-compile
UV := uv pip compile --quiet --generate-hashes --no-header --no-annotate --no-emit-package torch
TORCH := 2.13.0

.PHONY: setup demo test chaos fuzz check lint results bench lock clean

setup: .venv/complete
	tests/install_tools.sh

demo: .venv/serving
	.venv/bin/python demo.py $(if $(DATA),--data "$(DATA)") $(if $(FLARES),--flares "$(FLARES)")

# Two processes; one that has nothing left to do takes over a part of what the other has.
test: .venv/complete
	tests/install_tools.sh
	.venv/bin/python -m pytest -n 2 --dist worksteal $(LONGER)

# The same faults at the same moments for the same seed; see docs/testing.md.
CHAOS_SEED ?= 1
CHAOS_ROUNDS ?= 20
chaos: .venv/complete
	tests/install_tools.sh
	.venv/bin/python -m pytest tests/chaos --thorough --chaos-rounds $(CHAOS_ROUNDS) --chaos-seed $(CHAOS_SEED)

FUZZ_SEED ?= 1
FUZZ_REQUESTS ?= 10000
fuzz: .venv/complete
	tests/install_tools.sh
	.venv/bin/python -m pytest tests/fuzz --fuzz-requests $(FUZZ_REQUESTS) --fuzz-seed $(FUZZ_SEED)

check: lint test

lint: .venv/complete
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

# Every protocol of docs/results.md anew: a quarter of an hour on one core.
RUNS := var/runs
PROTOCOLS := $(basename $(notdir $(wildcard model_training/recipes/protocols/*.toml)))
HOURS := sharp/hourly_2014.parquet
LABELS := --label C1.0=y24_C --label M1.0=y24_M --label M5.0=y24_M5 --label X1.0=y24_X
TRAINING := OMP_NUM_THREADS=1 .venv/bin/python -m model_training

results: .venv/complete
	set -e; for name in $(PROTOCOLS); do \
	  $(TRAINING) train model_training/recipes/protocols/$$name.toml --runs $(RUNS) --out var/protocols; \
	done
	set -e; for name in blend regression; do \
	  $(TRAINING) evaluate var/protocols/hourly-2014-$$name-1.0.0 --on $(HOURS) $(LABELS) --keep $(RUNS)/hourly-2014-$$name; \
	  $(TRAINING) evaluate var/protocols/hourly-2014-$$name-1.0.0 --on $(HOURS) --disk M1.0 --keep $(RUNS)/disk-2014-$$name; \
	done
	$(TRAINING) results --runs $(RUNS)

bench: .venv/complete
	tests/install_tools.sh
	.venv/bin/python -m bench

# What serving needs stands first in the lock file, so that a demonstration installs only that.
.venv/serving: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11) and "Flarewatch needs Python 3.11; name it: make PYTHON=/path/to/python3.11 …")'
	@[ -x .venv/bin/python ] || $(PYTHON) -m venv .venv
	sed '/^# Training and development/,$$d' requirements.lock > .venv/serving.lock
	$(PIP) --require-hashes -r .venv/serving.lock
	$(PIP) --no-deps --no-index --no-build-isolation -e .
	@touch $@

# Torch is installed first and outside the lock file: its build for the machine at hand (CPU or GPU)
# is chosen by the installer.
.venv/complete: .venv/serving
	$(PIP) torch==$(TORCH)
	$(PIP) --require-hashes -r requirements.lock
	@touch $@

lock:
	$(UV) --extra api --extra dashboard --extra sender pyproject.toml -o .venv/serving.lock
	$(UV) --all-extras --constraint .venv/serving.lock pyproject.toml -o .venv/all.lock
	{ cat .venv/serving.lock; echo '# Training and development'; \
	  awk 'FNR == 1 { file++ } /^[a-z]/ { split($$1, name, /[=[]/); served = file == 2 && name[1] in seen } \
	       file == 1 { seen[name[1]]; next } !served' .venv/serving.lock .venv/all.lock; } > requirements.lock

clean:
	rm -rf .venv var build *.egg-info
