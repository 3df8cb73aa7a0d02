# Everything here runs on a bare machine with Python 3.11+ and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

SEEDS ?= 500
CUSTOMERS ?= 10000
EXAMPLES ?= 4000
ROUNDS ?= 200

# Each of the tests' many processes would start a thread for each core.
PYTEST := POLARS_MAX_THREADS=1 $(BIN)/python -m pytest -n 4 --dist worksteal
QUICK := tests/unit tests/integration tests/simulation/test_simulation.py tests/mutants \
	tests/acceptance/test_journeys.py
REST := tests/acceptance tests/browser tests/chaos tests/fuzz \
	tests/simulation/test_broken_operation.py tests/simulation/test_long_pause.py \
	tests/simulation/test_partial_outage.py tests/simulation/test_scale.py \
	tests/simulation/test_simulation.py::test_the_guarantees_hold_in_every_scenario

# Without compiled files, every command would compile all of bulk before it begins.
export PYTHONDONTWRITEBYTECODE :=

# $(call number,NAME): end with a message unless the variable NAME is a whole number from 1.
number = @case '$($(1))' in ''|0*|*[!0-9]*) echo '$(1) must be a whole number from 1, as in: make $@ $(1)=$(2)' >&2; exit 2;; esac

.PHONY: help setup demo test test-all quick rest every coverage mutants lint simulate scale fuzz chaos bench pictures commands dist lock clean

help:  ## show the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

setup: $(READY)  ## make .venv with the pinned dependencies

$(READY): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "bulk needs Python 3.11 or newer. Choose one with: make PYTHON=python3.11 ...")'
	@echo "Setting up $(VENV) (once) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(READY)

demo: $(READY)  ## migrate inputs/customers.csv to a local sandbox
	@$(BIN)/bulk migrate inputs/customers.csv --sandbox --batch demo || test $$? -eq 1

test: $(READY)  ## lint, check types, and run the quick tests: about two minutes
	@$(MAKE) --no-print-directory -j 2 lint quick

# In one run, because the tests that wait for processes and those that calculate use the cores best side by side.
test-all: $(READY)  ## lint, check types, and run all tests: six to seven minutes
	@$(MAKE) --no-print-directory -j 2 lint every

every: $(READY)
	SCENARIOS=500 $(PYTEST) -n 8 tests

quick: $(READY)
	$(PYTEST) $(QUICK)

rest: $(READY)
	SCENARIOS=100-499 $(PYTEST) -n 6 $(REST) --ignore tests/acceptance/test_journeys.py

coverage: $(READY)  ## run all tests, and list the lines of bulk that none of them runs
	$(BIN)/python -m coverage erase
	$(BIN)/python -m coverage run -m pytest -n 4 --dist worksteal tests
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report

mutants: $(READY)  ## break one rule of bulk at a time, and show that `make test` notices each
	PYTHONPATH=tests $(BIN)/python -m mutants

lint: $(READY)  ## lint and check types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

simulate: $(READY)  ## run simulated migrations with faults: SEEDS=500, SEEDS=1000-1999 or SEED=1234
	PYTHONPATH=tests POLARS_MAX_THREADS=1 $(BIN)/python -m simulation $(if $(SEED),'$(SEED)-$(SEED)','$(SEEDS)')

scale: $(READY)  ## run a whole migration over virtual days, with its forecast: CUSTOMERS=10000 SCENE="--linked 9 --linking 5"
	$(call number,CUSTOMERS,10000)
	PYTHONPATH=tests $(BIN)/python -m simulation.scale $(CUSTOMERS) $(SCENE)

fuzz: $(READY)  ## feed invalid data to the reader, the client, the engine and the listener: EXAMPLES=20000 SEED=7
	$(call number,EXAMPLES,20000)
	FUZZ_EXAMPLES=$(EXAMPLES) POLARS_MAX_THREADS=1 $(BIN)/python -m pytest tests/fuzz --timeout 0 $(if $(SEED),--hypothesis-seed=$(SEED))

chaos: $(READY)  ## kill, cut and corrupt real processes and files: ROUNDS=200, or SEED=1234 for one round
	$(call number,ROUNDS,200)
	$(if $(SEED),,CHAOS=1 $(BIN)/python -m pytest -n 3 --dist worksteal tests/chaos)
	PYTHONPATH=tests $(BIN)/python -m chaos $(ROUNDS) $(if $(SEED),--seed '$(SEED)')

bench: $(READY)  ## measure, as ratios to baselines in the same run
	$(BIN)/python -m benchmarks

pictures: $(READY)  ## make docs/images from a real run (needs Chromium)
	PYTHONPATH=tests $(BIN)/python docs/make_pictures.py

commands: $(READY)  ## write docs/commands.md from the help of the commands
	$(BIN)/python docs/make_commands.py docs/commands.md

dist: $(READY)  ## build the wheel and the sdist in dist/
	$(BIN)/hatchling build --clean

PIN = uv pip compile --quiet pyproject.toml --all-extras --universal --python-version 3.11 \
	--generate-hashes --no-header --no-emit-index-url --no-emit-find-links $(UPGRADE)

lock:  ## pin the dependencies in both lock files (needs uv); UPGRADE=--upgrade takes newer versions
	$(PIN) --output-file requirements.lock
	$(PIN) --group dev --constraint requirements.lock --output-file requirements-dev.lock

clean:  ## remove everything made here, except batches
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
