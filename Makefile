# Two commands do everything on a fresh machine: `make generate` and `make test`.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
N      ?= 2000
JOBS   ?= 2

.PHONY: generate test check install dev benchmarks docs clean

generate: install  ## create the environment, install, run `eagdata generate --n 2000`
	$(BIN)/eagdata generate --n $(N)

test: dev  ## all tests, JOBS of their files at once
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile

check: dev  ## style, types, import layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check eagdata tests benchmarks --exclude tests/hostile
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: dev  ## write what is generated: schemas, command reference
	$(BIN)/python -m tests.house.generated

install: $(VENV)/.installed
dev: $(VENV)/.dev

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "eagdata needs Python 3.11 or later; try: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check -e .
	touch $@

$(VENV)/.dev: $(VENV)/.installed pyproject.toml
	$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) build *.egg-info
