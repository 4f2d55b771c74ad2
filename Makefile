# Two commands need nothing else first: `make run` and `make test`. Everything lives in .venv/.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PYTEST := $(BIN)/python -m pytest

REQUEST ?= Train the small and the large model on the A100s tonight, evaluate both when they are done \
and have the report written by 8am; I have the dentist 9-10 tomorrow, move whatever collides
SCENARIO ?= single-machine
BUDGET ?= --evaluations 12 --minutes 6

.DEFAULT_GOAL := help
.PHONY: help setup run test lint format bench test-live clean

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY)  ## Create .venv and install everything into it

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "agentsched needs Python >= 3.11, '$(PYTHON)' is $$($(PYTHON) -V 2>&1 || echo missing);" \
	       "name another one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV) || { \
	  echo "could not create $(VENV): install the venv module (Debian: apt install python3-venv)" >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@mkdir -p demo-out && test -e demo-out/calendar || cp -r examples/calendar demo-out/
	@touch $@

run: $(READY)  ## Both halves with the embedded model: a request carried out, then a short evolution
	$(BIN)/agentsched model pull
	$(BIN)/agentsched chat --thread "demo-$$(date +%s)" --yes "$(REQUEST)"
	$(BIN)/agentsched evolve $(SCENARIO) --proposer local $(BUDGET)
	$(BIN)/agentsched replay "$$(ls -td runs/*-$(SCENARIO) | head -n 1)"

test: $(READY)  ## All tests that need no model and no server
	$(PYTEST) -n 2 --dist loadfile

lint: $(READY)  ## ruff, mypy --strict, import directions
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY)  ## Let ruff rewrite what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY)  ## Speed and calibration, with scenario, seeds and machine beside each number
	$(BIN)/python -m benchmarks

test-live: $(READY)  ## Tests with the real model and real servers, then what the model understands
	$(BIN)/agentsched model pull
	$(PYTEST) --live -m live
	$(BIN)/python -m benchmarks.bench_understanding --out runs/understanding.json

clean:  ## Remove .venv and caches; runs/ and the memory stay
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
