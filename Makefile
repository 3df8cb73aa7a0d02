# Everything here runs on a bare machine with Python 3.11+ and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# Else every command would compile all of bulk before it begins.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help setup demo test suite lint simulate scale fuzz torture bench lock clean

help:  ## show what can be made
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

setup: $(READY)  ## make .venv with the pinned dependencies

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "bulk needs Python 3.11 or newer; say which with: make PYTHON=python3.11 ...")'
	@echo "Setting up $(VENV) (once) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(READY)

demo: $(READY)  ## run the main job on inputs/customers.csv against the sandbox
	@$(BIN)/bulk migrate inputs/customers.csv --sandbox --batch demo || test $$? -eq 1

test: $(READY)  ## lint, type-check and run the tests
	@$(MAKE) --no-print-directory -j 2 lint suite

suite: $(READY)
	$(BIN)/python -m pytest -n 4 --dist worksteal

lint: $(READY)  ## lint and type-check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

simulate: $(READY)  ## tell the stories of simulated migrations: SEEDS=500, SEEDS=1000-1999, or SEED=1234
	PYTHONPATH=tests POLARS_MAX_THREADS=1 $(BIN)/python -m simulation $(if $(SEED),$(SEED)-$(SEED),$(or $(SEEDS),500))

scale: $(READY)  ## a whole migration over virtual days, beside its forecast: CUSTOMERS=10000 SCENE="--linked 9 --linking 5"
	PYTHONPATH=tests $(BIN)/python -m simulation.scale $(or $(CUSTOMERS),10000) $(SCENE)

fuzz: $(READY)  ## feed nonsense to the reader, the client, the engine and the listener: EXAMPLES=20000
	FUZZ_EXAMPLES=$(or $(EXAMPLES),4000) POLARS_MAX_THREADS=1 $(BIN)/python -m pytest tests/fuzz --timeout 0 $(if $(SEED),--hypothesis-seed=$(SEED))

torture: $(READY)  ## kill, cut and garble real processes and files, in single cases and ROUNDS=200; or SEED=1234, one round
	$(if $(SEED),,TORTURE=1 $(BIN)/python -m pytest -n 3 --dist worksteal tests/chaos)
	PYTHONPATH=tests $(BIN)/python -m chaos $(or $(ROUNDS),200) $(if $(SEED),--seed $(SEED))

bench: $(READY)  ## measure, as ratios against baselines in the same run
	$(BIN)/python -m benchmarks

lock:  ## put new dependencies into the lock (needs uv); UPGRADE=--upgrade takes newer versions too
	uv pip compile pyproject.toml --extra listen --group dev --universal --python-version 3.11 \
		--generate-hashes --no-header --no-emit-index-url --no-emit-find-links $(UPGRADE) -o requirements.lock

clean:  ## remove what was made here, batches excepted
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
