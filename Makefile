.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
PYTHON ?= python3
PYTEST_ARGS ?=
LAB_ARGS ?=
FUZZ_ARGS ?= --total 10000000
URL ?=
CLUSTER ?=
V := .venv/bin
PIP := $(V)/pip --quiet --disable-pip-version-check --no-input install

.PHONY: help setup demo serve test check cluster-check fuzz lab format docs bench agent-dist clean

help: ## Show what each target does
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(V)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Headwater needs Python 3.11 or later; $(PYTHON) is older. Use: make PYTHON=python3.11 ..."; exit 1; }
	$(PYTHON) -m venv .venv \
		|| { echo "The venv could not be made. On Debian: apt-get install python3-venv"; exit 1; }

.venv/.installed: requirements.lock pyproject.toml | $(V)/python
	@echo "Installing Headwater and what it needs into .venv (about 1.7 GB; some minutes the first time) ..."
	$(PIP) --require-hashes -r requirements.lock
	$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

.venv/.installed-dev: requirements-dev.lock .venv/.installed
	$(PIP) --require-hashes -r requirements-dev.lock
	@touch $@

setup: .venv/.installed-dev ## Install everything that development needs into .venv

demo: .venv/.installed ## Set up and run the whole path with a simulated network
	$(V)/headwater demo

serve: .venv/.installed ## Set up and run Headwater on this machine, with its data in ./var
	$(V)/headwater up

test: .venv/.installed-dev ## Set up and run every test (PYTEST_ARGS="-k word" for some)
	$(V)/pytest -n 2 $(PYTEST_ARGS)

check: .venv/.installed-dev ## Format, lint, types, import contracts
	$(V)/ruff format --check .
	$(V)/ruff check .
	$(V)/mypy
	$(V)/lint-imports

cluster-check: .venv/.installed-dev ## Run the call store's tests on your ClickHouse (URL=http://user:secret@host:8123 [CLUSTER=name])
	@test -n "$(URL)" || { echo "Say which server: make cluster-check URL=http://user:secret@host:8123 [CLUSTER=name]"; exit 1; }
	@HEADWATER_CHECK_URL="$(URL)" HEADWATER_CHECK_CLUSTER="$(CLUSTER)" \
		$(V)/pytest tests/calls -m server --force-enable-socket $(PYTEST_ARGS)

fuzz: .venv/.installed-dev ## Fuzz every reader of foreign octets, an hour or so (FUZZ_ARGS="NAME --seconds 60" for less)
	$(V)/python -m tests.fuzz $(FUZZ_ARGS)

lab: .venv/.installed-dev ## Call through real switches in network namespaces and judge what Headwater made of it (Debian, root)
	$(V)/python -m lab $(LAB_ARGS)

audit-deps: .venv/.installed-dev ## Ask the public advisories whether a pinned package is known to be weak (needs the network)
	@test -x $(V)/pip-audit || $(PIP) "pip-audit>=2.10,<3" \
		|| { echo "pip-audit could not be installed: this target needs the network."; exit 1; }
	$(V)/pip-audit --require-hashes --disable-pip -r requirements.lock
	$(V)/pip-audit --require-hashes --disable-pip -r requirements-dev.lock

format: .venv/.installed-dev ## Put every file into the house's format
	$(V)/ruff format .
	$(V)/ruff check --fix --exit-zero --quiet .

docs: .venv/.installed-dev ## Write the pages of docs/reference that are taken from the code
	$(V)/python -m headwater.cli.reference

bench: .venv/.installed-dev ## Print every figure with its peer and its bound
	$(V)/python -m bench

agent-dist: .venv/.installed-dev ## Build the carrier's agent as a distribution of its own, into dist/
	$(V)/python packaging/agent/lock.py
	cd packaging/agent && ../../$(V)/python -m hatchling build -t wheel -d ../../dist
	cp packaging/agent/requirements.lock dist/headwater-agent-requirements.lock
	@echo "Install it: pip install --require-hashes -r headwater-agent-requirements.lock && pip install --no-deps headwater_agent-*.whl"

clean: ## Delete what was installed and cached; the data in ./var stays
	rm -rf .venv dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache browser-shots
