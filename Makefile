# Everything a person or a machine does with this project begins here. `make help` lists it.
# Needed: make and Python 3.11 or newer. All else goes into .venv, from requirements.lock.

SHELL := /bin/sh
.DEFAULT_GOAL := help
BIN := .venv/bin
READY := .venv/.ready
LOCK := $(BIN)/uv pip compile --quiet --universal --generate-hashes

PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
UV := $(BIN)/uv pip install --quiet --python $(BIN)/python

# The first Python on the PATH that runs and is new enough (a name may be there, and its version not).
PYTHON = $(shell for name in python3.13 python3.12 python3.11 python3 python; do \
  "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo "$$name" && break; done)

.PHONY: help demo test check format docs lock setup clean

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-16s%s\n", $$1, $$2 }'

demo: $(READY) ## a year at a clinic in two minutes: no accounts, no server, nothing leaves the machine
	@$(BIN)/nurture demo

test: $(READY) ## all tests but the long ones, on SQLite and PostgreSQL
	@$(BIN)/python -m pytest -q -n 2 $(ARGS)

check: $(READY) ## lint, format, types, layers, dependencies, and that the docs are true
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/deptry .
	$(BIN)/python -m pytest -q $(wildcard tests/test_layers.py tests/test_tree.py tests/test_docs.py)

format: $(READY) ## put the code into its form
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

lock: $(READY) ## write requirements.lock anew from pyproject.toml; ARGS=--upgrade for newer versions
	$(LOCK) $(ARGS) --all-extras --group dev --custom-compile-command "make lock" pyproject.toml -o requirements.lock
	$(LOCK) $(ARGS) --group browser -c requirements.lock --custom-compile-command "make lock" -o requirements-browser.lock

setup: $(READY) ## only make .venv

clean: ## remove .venv and the tools' caches; the clinic's own files in var/ stay
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# Made anew when the lock changes. uv is quick; where it cannot be had, pip does the same more slowly. Both take
# only files whose hashes are in the lock.
$(READY): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { \
	  echo "nurture needs Python 3.11 or newer, and finds none (python3.13, python3.12, python3.11, python3)." >&2; \
	  echo "Install one (Debian, Ubuntu: apt-get install python3 python3-venv), or name yours:" >&2; \
	  echo "  make PYTHON=/path/to/python3.12 $(or $(MAKECMDGOALS),setup)" >&2; exit 1; }
	@echo "Setting up .venv with $(PYTHON): once, about half a minute ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { rm -rf .venv; \
	  echo "This Python comes without venv. Debian, Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@awk '/^[^ ]/ { uv = /^uv==/ } { print > (uv ? ".venv/uv.txt" : ".venv/rest.txt") }' requirements.lock
	@$(PIP) --require-hashes -r .venv/uv.txt || echo "uv cannot be had here; pip does the same in a minute."
	@{ test -x $(BIN)/uv && $(UV) --require-hashes -r .venv/rest.txt; } \
	  || $(PIP) --require-hashes -r .venv/rest.txt \
	  || { echo "The packages cannot be had. Is there a network? Are pip's proxy and index set?" >&2; exit 1; }
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $(READY)
