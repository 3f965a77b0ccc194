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
LINK := build/collections/ansible_collections/fluxme/fluxos

# The user's own Ansible is neither read nor written: a checkout is a world of its own.
export ANSIBLE_HOME := $(CURDIR)/build/ansible
export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/build/collections
export ANSIBLE_CONFIG := $(CURDIR)/tests/ansible.cfg
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV ANSIBLE_LIBRARY ANSIBLE_ROLES_PATH ANSIBLE_INVENTORY
export PYTHONDONTWRITEBYTECODE := 1
export UV_PYTHON_DOWNLOADS := never
PYTEST := $(BIN)/python -m pytest

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-20s %s\n", $$1, $$2 }'

.PHONY: setup
setup: $(SETUP) $(SETUP216) $(LINK) ## install the tools into .venv/ (once; the other targets do it by themselves)

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

# ansible_collections/fluxme/fluxos has to be the name of the folder; a checkout may have any. In the environment's own
# site-packages as well, so that $(BIN)/ansible-playbook finds the collection without a setting.
.PHONY: $(LINK)
$(LINK): $(SETUP)
	@$(BIN)/python tests/tools/link_collection.py
