# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Needs Python 3.11 or later, git and make. Everything that is installed goes to .venv/, everything that is written to build/.

.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules --no-print-directory
.DEFAULT_GOAL := help

# The tested versions first; an interpreter of your choice: make PYTHON=/path/to/python3.13
PYTHON_VERSIONS := 3.12 3.13 3.14 3.11
CORE216_PYTHON_VERSIONS := 3.11 3.10 3.12

VENV := .venv
BIN := $(VENV)/bin
SETUP := $(VENV)/.installed
SETUP216 := $(VENV)/.installed-core216
SETUP_BARE := $(VENV)/.installed-bare
LINK := build/collections/ansible_collections/fluxme/fluxos

# The user's own Ansible is neither read nor written: a checkout is a world of its own.
export ANSIBLE_HOME := $(CURDIR)/build/ansible
export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/build/collections
export ANSIBLE_CONFIG := $(CURDIR)/tests/ansible.cfg
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV ANSIBLE_LIBRARY ANSIBLE_ROLES_PATH ANSIBLE_INVENTORY
export PYTHONDONTWRITEBYTECODE := 1
export PATH := $(CURDIR)/$(BIN):$(PATH)
export UV_PYTHON_DOWNLOADS := never
PYTEST := $(BIN)/python -m pytest
# Two workers: the long gates wait for other programs most of the time. make test PARALLEL= runs one after another.
PARALLEL := -n 2 --dist worksteal
# More for pytest: make unit ARGS='-k waves -x'
ARGS :=

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-20s %s\n", $$1, $$2 }'

.PHONY: setup
setup: $(SETUP) $(SETUP216) $(SETUP_BARE) $(LINK) ## install the tools into .venv/ (once; the other targets do it by themselves)

# An environment that works is completed, not replaced: a change in pyproject.toml must not pull it away from under a run.
$(SETUP): pyproject.toml tests/tools/find-python
	@set -e; \
	if ! $(BIN)/python -I -c 'import pip' 2>/dev/null; then \
	  python="$(PYTHON)"; [ -n "$$python" ] || python=$$(tests/tools/find-python $(PYTHON_VERSIONS)) || { \
	    echo "make: found no Python 3.11 or later with venv, ensurepip and ssl (on Debian: apt install python3-venv)." >&2; exit 1; }; \
	  echo "Setting up $(VENV) with $$python"; \
	  "$$python" -I -m venv --clear $(VENV); \
	fi; \
	$(BIN)/python -I -c 'import uv' 2>/dev/null || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv; \
	$(BIN)/python -m uv pip install --quiet --python $(BIN)/python --group dev; \
	touch $(SETUP)

# The file says which interpreter serves ansible-core 2.16, or that there is none: a machine with Python 3.13 alone can still
# run everything else.
$(SETUP216): $(SETUP)
	@set -e; if python=$$(tests/tools/find-python $(CORE216_PYTHON_VERSIONS)); then \
	  $(VENV)/core216/bin/python -I -c '' 2>/dev/null || \
	    $(BIN)/python -m uv venv --quiet --clear --python "$$python" $(VENV)/core216; \
	  $(BIN)/python -m uv pip install --quiet --python $(VENV)/core216/bin/python --group core216; \
	  echo "$$python" > $(SETUP216); \
	else \
	  echo "No Python 3.10 to 3.12 here: the tests under ansible-core 2.16 will be skipped." >&2; \
	  echo "none" > $(SETUP216); \
	fi

# What a user has: ansible-core and requirements.txt. tests/packaging installs the tarball next to it.
$(SETUP_BARE): $(SETUP) requirements.txt
	@set -e; $(VENV)/bare/bin/python -I -c '' 2>/dev/null || \
	  $(BIN)/python -m uv venv --quiet --clear --python $(BIN)/python $(VENV)/bare; \
	$(BIN)/python -m uv pip install --quiet --python $(VENV)/bare/bin/python ansible-core -r requirements.txt; \
	touch $(SETUP_BARE)

# ansible_collections/fluxme/fluxos has to be the name of the folder; a checkout may have any. In the environment's own
# site-packages as well, so that $(BIN)/ansible-playbook finds the collection without a setting.
.PHONY: $(LINK)
$(LINK): $(SETUP)
	@$(BIN)/python tests/tools/link_collection.py

.PHONY: test
test: setup ## run all of it: lint, sanity, unit, contract, integration, packaging, molecule
	@$(PYTEST) $(PARALLEL) $(ARGS)

.PHONY: demo
demo: setup ## restart an outdated fleet of 40 simulated nodes, wave by wave; the report is in build/demo/
	@$(BIN)/python -m tests.tools.demo $(ARGS)

.PHONY: bench
bench: setup ## measure what the aims of performance are about; writes build/bench.json
	@$(BIN)/python -m tests.benchmark $(ARGS)

.PHONY: lint
lint: setup ## ruff, mypy, yamllint, ansible-lint, antsibull-docs, antsibull-changelog and the house rules
	@$(PYTEST) $(PARALLEL) tests/gates/test_lint.py tests/gates/test_house.py $(ARGS)

.PHONY: sanity
sanity: setup ## ansible-test sanity on the newest ansible-core and on 2.16
	@$(PYTEST) tests/gates/test_sanity.py $(ARGS)

.PHONY: molecule
molecule: setup ## the molecule scenarios of extensions/molecule
	@$(PYTEST) tests/gates/test_molecule.py $(ARGS)

.PHONY: unit contract integration packaging
unit: ## tests of every part by itself
contract: ## tests that hold the simulator to recordings of real nodes
integration: ## playbooks against the simulator
packaging: ## the tarball, installed where only ansible-core and requirements.txt are
unit contract integration packaging: setup
	@$(PYTEST) $(PARALLEL) tests/$@ $(ARGS)

.PHONY: format
format: setup ## put the Python files into ruff's form
	@$(BIN)/python -m ruff check --fix --quiet . ; $(BIN)/python -m ruff format .

.PHONY: docs
docs: $(VENV)/.installed-docs $(LINK) ## the HTML reference, in build/docs/html/
	@$(BIN)/python tests/tools/build_docs.py

$(VENV)/.installed-docs: $(SETUP)
	@$(BIN)/python -m uv pip install --quiet --python $(BIN)/python --group docs
	@touch $@

.PHONY: build
build: setup ## the tarball for Galaxy, in build/
	@$(BIN)/ansible-galaxy collection build --force --output-path build .

.PHONY: clean
clean: ## remove what was built and installed (.venv/ and build/)
	rm -rf $(VENV) build .nox tests/output .hypothesis

.PHONY: nox
nox: $(VENV)/.installed-nox ## release checks and every ansible-core from 2.16 to 2.21 (make nox ARGS='--list')
	@PATH="$(CURDIR)/$(VENV)/nox/bin:$$PATH" $(VENV)/nox/bin/python -m nox $(ARGS)

$(VENV)/.installed-nox: $(SETUP)
	@$(BIN)/python -m uv venv --quiet --clear --python $(BIN)/python $(VENV)/nox
	@$(BIN)/python -m uv pip install --quiet --python $(VENV)/nox/bin/python --group nox
	@touch $@
