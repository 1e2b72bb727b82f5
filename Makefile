.DEFAULT_GOAL := help
PYTHON ?= python3
V := .venv/bin

.PHONY: help setup demo test check bench serve format

help: ## Show what each target does
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.venv/.installed: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(V)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(V)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.venv/.installed-dev: .venv/.installed requirements-dev.lock
	$(V)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

setup: .venv/.installed-dev ## Install everything that development needs into .venv

demo: .venv/.installed ## Set up and run the whole path with a simulated network
	$(V)/headwater demo

serve: .venv/.installed ## Set up and run Headwater on this machine
	$(V)/headwater up

test: .venv/.installed-dev ## Set up and run every test
	$(V)/pytest

check: .venv/.installed-dev ## Format, lint, types, import contracts
	$(V)/ruff format --check .
	$(V)/ruff check .
	$(V)/mypy
	$(V)/lint-imports

format: .venv/.installed-dev ## Put every file into the house's format
	$(V)/ruff format .
	$(V)/ruff check --fix --exit-zero --quiet .

bench: .venv/.installed-dev ## Print every figure with its peer and its bound
	$(V)/python -m bench
