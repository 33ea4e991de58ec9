PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

export DO_NOT_TRACK = 1
export PREFECT_SERVER_ANALYTICS_ENABLED = false

.PHONY: help setup demo docs test quick soak lint bench clean

help:  ## show the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[cluster,demo,dev,docs,plots,s3]'
	touch $@

setup: $(READY)  ## make .venv with everything in it

demo: $(READY)  ## remove a watermark and a moving sticker from a real clip; results in demo-output/
	$(BIN)/dfvi demo --output demo-output

docs: $(READY)  ## the documentation site, in docs/_build/html; pictures are made, nothing is fetched
	$(BIN)/python -m sphinx -q -W -b html docs docs/_build/html

test: $(READY) lint  ## lint, type check, and every test
	$(BIN)/python -m pytest -n 2 --dist loadfile

quick: $(READY)  ## the tests that take seconds
	$(BIN)/python -m pytest -m 'not slow'

soak: $(READY)  ## an hour of kill -9, flipped bits, hostile inputs, and gc against runs; DFVI_SOAK_KILLS sets how often datasets are killed
	$(BIN)/python -m pytest -m soak -s
	$(BIN)/python -m benchmarks.soak_bit_flips --flips 1000
	$(BIN)/python -W ignore -m benchmarks.soak_hostile_inputs --inputs 400
	$(BIN)/python -m benchmarks.soak_gc --rounds 20
	$(BIN)/python -m benchmarks.soak_kills --kills 35 --server-kills 15

lint: $(READY)  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(READY)  ## every benchmark; each prints machine, commit, medians, spread and ratios
	for script in benchmarks/bench_*.py; do $(BIN)/python -m benchmarks.$$(basename $$script .py) || exit 1; done

clean:  ## remove what make and the tests leave behind
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info docs/_build docs/pictures docs/reference
