# Flarewatch: `make demo` shows it, `make test` proves it, `make setup` prepares development.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --no-compile
# Everything that is installed stands in the lock file, so pip has nothing to choose. Old versions of
# pip would choose all the same: they do not apply the pin of "coverage" to "coverage[toml]".
# node2vec comes as source: it is built with the setuptools of the lock file, not with the newest.
LOCKED := $(PIP) --no-deps --no-build-isolation --use-pep517 --require-hashes --requirement
TORCH := 2.13.0
# Another index for torch, such as that of its builds without CUDA.
TORCH_INDEX ?=

.PHONY: help setup demo demo-lab test chaos fuzz check lint results bench lock clean

help:
	@echo 'make demo      API, dashboard and a simulated Sun: http://127.0.0.1:8050, Ctrl-C stops all'
	@echo '               DATA=FILE FLARES=FILE replays records with a flare list instead,'
	@echo '               XRAY=FILE its X-ray flux by the minute: flares in progress,'
	@echo '               SPEED=3600 an hour in a second; CLOCK=wall: the pages stay in the present'
	@echo '               LIVE=1 shows the real Sun, from JSOC and SWPC, where there is a network'
	@echo '               LAB=1 adds the training packages and a worker for runs of the Lab'
	@echo 'make demo-lab  the data sets and runs that it shows in the Lab, made anew: demo_lab.zip'
	@echo 'make setup     everything for training and development, in .venv'
	@echo 'make test      the suite; installs MariaDB, Chromium and nginx where it may'
	@echo 'make check     format, lint, types, import contracts and the suite'
	@echo 'make chaos     kills, stops and network faults: CHAOS_SEED=1 CHAOS_ROUNDS=20'
	@echo 'make fuzz      malformed requests: FUZZ_SEED=1 FUZZ_REQUESTS=10000'
	@echo 'make bench     every benchmark of docs/benchmarks.md'
	@echo 'make results   every protocol of docs/results.md: a quarter of an hour'
	@echo 'make lock      resolve pyproject.toml into requirements.lock; UPGRADE=1 takes newer releases'
	@echo 'make clean     remove .venv and what was built; keeps var/, which holds stores and runs'
	@echo 'PYTHON=/path/to/python3.12 chooses the Python (3.11 to 3.13), VENV=DIR another place than .venv,'
	@echo 'TORCH_INDEX=ADDRESS the index of torch.'

setup: $(VENV)/complete
	@echo 'Ready. Activate the environment once in each shell: . $(BIN)/activate'

demo: $(VENV)/$(if $(LAB),complete,serving)
	$(BIN)/python demo.py $(if $(LAB),--lab) $(if $(LIVE),--live) $(if $(DATA),--data "$(DATA)") $(if $(FLARES),--flares "$(FLARES)") \
	  $(if $(XRAY),--xray "$(XRAY)") \
	  $(if $(SPEED),--speed "$(SPEED)") $(if $(CLOCK),--clock "$(CLOCK)")

# Two minutes of processor time.
demo-lab: $(VENV)/complete
	OMP_NUM_THREADS=1 $(BIN)/python -m bench.demo_lab

# Numerical libraries start a thread for each core, and threads that wait for each other spin. The
# tests start hundreds of programs, each of which would compile all its modules again.
TESTS := env -u PYTHONDONTWRITEBYTECODE OMP_NUM_THREADS=1 $(BIN)/python -m pytest

# Two processes; one that has nothing left to do takes over a part of what the other has.
test: $(VENV)/complete
	tests/install_tools.sh
	$(TESTS) -n 3 --dist worksteal $(LONGER)

# The same faults at the same moments for the same seed; see docs/testing.md.
CHAOS_SEED ?= 1
CHAOS_ROUNDS ?= 20
chaos: $(VENV)/complete
	tests/install_tools.sh
	$(TESTS) tests/chaos --thorough --chaos-rounds $(CHAOS_ROUNDS) --chaos-seed $(CHAOS_SEED)

FUZZ_SEED ?= 1
FUZZ_REQUESTS ?= 10000
fuzz: $(VENV)/complete
	tests/install_tools.sh
	$(TESTS) tests/fuzz --fuzz-requests $(FUZZ_REQUESTS) --fuzz-seed $(FUZZ_SEED)

check: lint test

lint: $(VENV)/complete
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Every protocol of docs/results.md anew: a quarter of an hour on one core.
RUNS := var/runs
PROTOCOLS := $(basename $(notdir $(wildcard model_training/recipes/protocols/*.toml)))
HOURS := sharp/hourly_2014.parquet
HARPS := maps/all_harps_with_noaa_ars.txt
ARTIFACTS := model_training/artifacts
LABELS := --label C1.0=y24_C --label M1.0=y24_M --label M5.0=y24_M5 --label X1.0=y24_X
TRAINING := OMP_NUM_THREADS=1 $(BIN)/python -m model_training

results: $(VENV)/complete
	set -e; for name in $(PROTOCOLS); do \
	  $(TRAINING) train model_training/recipes/protocols/$$name.toml --runs $(RUNS) --out var/protocols; \
	done
	set -e; for name in blend regression; do \
	  $(TRAINING) evaluate var/protocols/hourly-2014-$$name-1.0.0 --on $(HOURS) $(LABELS) --keep $(RUNS)/hourly-2014-$$name; \
	done
	$(TRAINING) evaluate $(ARTIFACTS)/forecaster-1.0.0 --on $(HOURS) --folds 5 --keep $(RUNS)/regions-2014-forecaster
	set -e; for name in regions-2014 regions-2014-trees; do \
	  $(TRAINING) evaluate var/protocols/$$name-1.0.0 --on $(HOURS) --folds 5 --keep $(RUNS)/$$name; \
	done
	$(TRAINING) train model_training/recipes/forecaster.toml --runs $(RUNS) --out var/protocols
	set -e; for name in forecaster blend logistic-regression; do \
	  $(TRAINING) evaluate $(ARTIFACTS)/$$name-1.0.0 --on $(HOURS) --harps $(HARPS) --keep $(RUNS)/harps-2014-$$name; \
	  $(TRAINING) evaluate $(ARTIFACTS)/$$name-1.0.0 --on $(HOURS) --disk M1.0 --keep $(RUNS)/disk-2014-$$name; \
	done
	set -e; for event in M1.0 C1.0; do \
	  $(TRAINING) evaluate $(ARTIFACTS)/forecaster-1.0.0 --on training/daily_2010_2019.parquet --disk $$event --disk-hours 24 \
	    --agencies agencies_2016_2017 --keep $(RUNS)/disk-2016-$$event; \
	done
	$(TRAINING) results --runs $(RUNS)

bench: $(VENV)/complete
	tests/install_tools.sh
	$(BIN)/python -m bench

# The lock file has three parts: a sender's packages, those of API and dashboard, those of training
# and development. A demonstration installs the first two.
$(VENV)/serving: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13) and "Flarewatch needs Python 3.11, 3.12 or 3.13; name one: make PYTHON=/path/to/python3.11 …")'
	@[ -x $(BIN)/pip ] || $(PYTHON) -m venv $(VENV)
	sed '/^# Training and development/,$$d' requirements.lock > $(VENV)/serving.lock
	$(LOCKED) $(VENV)/serving.lock
	$(PIP) --no-deps --no-index --no-build-isolation --editable .
	@[ -e $(VENV)/complete ] || $(BIN)/pip check
	@touch $@

# Torch stands outside the lock file, since each machine has a build of its own (CPU or GPU). It
# comes last: then all that it requires is there already, but for the exactly pinned parts of CUDA.
$(VENV)/complete: $(VENV)/serving
	$(LOCKED) requirements.lock
	$(PIP) torch==$(TORCH) $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX))
	@$(BIN)/pip check
	@touch $@

# Resolved for the oldest Python; tests/packaging proves that the same pins are complete for the others.
UV := $(firstword $(wildcard $(BIN)/uv) $(shell command -v uv))
RESOLVE = cp requirements.lock build/$(1).lock && $(UV) pip compile --quiet --generate-hashes --no-header --no-annotate \
	--python-version 3.11 --python-platform x86_64-manylinux_2_28 $(if $(UPGRADE),--upgrade) $(2) pyproject.toml --output-file build/$(1).lock
lock:
	@$(if $(UV),mkdir -p build,echo 'make lock needs uv; install it with: $(BIN)/pip install uv' >&2; exit 1)
	$(call RESOLVE,all,--extra sender --extra store --extra api --extra dashboard --extra training --extra lab --extra dev)
	$(call RESOLVE,serving,--extra sender --extra store --extra api --extra dashboard --extra lab --constraint build/all.lock)
	$(call RESOLVE,sender,--extra sender --constraint build/all.lock)
	awk 'FNR == 1 && file++ { print file == 2 ? "# Serving" : "# Training and development" } \
	     /^[a-z]/ { split($$1, name, /[=[]/); is_new = !(name[1] in seen); seen[name[1]] } is_new' \
	  build/sender.lock build/serving.lock build/all.lock > build/new.lock
	mv build/new.lock requirements.lock

clean:
	rm -rf $(VENV) build *.egg-info
