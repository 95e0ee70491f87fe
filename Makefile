# What a person calls, and CI too. `make` alone lists it.
# Needs Python 3.11 or newer and make; everything else is installed into .venv, as pinned.

VENV := .venv
BIN := $(VENV)/bin
RUN := $(BIN)/python -m

# The first Python of at least 3.11; PYTHON=/path/to/python chooses another.
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	"$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$name" && break; \
	done)

# Tests at once. Some start servers of their own, so more than the cores gains nothing.
JOBS ?= $(shell $(PYTHON) -c 'import os; print(max(2, len(os.sched_getaffinity(0))))' 2>/dev/null || echo 2)
# More arguments for pytest: make test ARGS="tests/storage -k conflict"
ARGS ?=

# Where packages come from is the machine's to say (PIP_INDEX_URL and its kin); where they go,
# and what is asked of them, is said here.
PIP := $(RUN) pip --disable-pip-version-check --quiet
unexport PIP_USER PIP_TARGET PIP_PREFIX PIP_ROOT PIP_NO_DEPS PIP_NO_BUILD_ISOLATION PIP_PYTHON
unexport PIP_REQUIRE_HASHES PIP_CONSTRAINT PIP_REQUIREMENT PIP_EDITABLE PIP_VERBOSE

# A virtual environment holds its own path: one that was moved here is made anew.
MADE_FOR := $(VENV)/made-for
ifneq ($(shell cat $(MADE_FOR) 2>/dev/null),$(CURDIR))
.PHONY: $(MADE_FOR)
endif

.DEFAULT_GOAL := help
.PHONY: help serve test test-all lint format lint-ruff lint-format lint-types lint-layers \
	bench lock parts wheel pre-commit clean

help: ## Show what there is to call
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

serve: $(VENV)/serves ## Serve on http://127.0.0.1:8080 from ./data; STRONGROOM_* settings apply
	@exec $(BIN)/strongroom serve

test: $(VENV)/tests ## Run the tests, save those marked slow
	$(RUN) pytest -n $(JOBS) -m "not slow" $(ARGS)

# Dealt out in advance, all that take minutes would be one process's.
test-all: $(VENV)/tests ## Run all tests: the matrix of clients and the long fault runs too
	$(RUN) pytest -n $(JOBS) --dist worksteal $(ARGS)

lint: lint-ruff lint-format lint-types lint-layers ## Check style, types and layers

lint-ruff: $(VENV)/tests
	$(RUN) ruff check .

lint-format: $(VENV)/tests
	$(RUN) ruff format --check .

lint-types: $(VENV)/tests
	$(RUN) mypy

lint-layers: $(VENV)/tests
	$(BIN)/lint-imports

format: $(VENV)/tests ## Format the code, and repair what Ruff can
	$(RUN) ruff format .
	$(RUN) ruff check --fix .

bench: $(VENV)/tests ## Measure beside nginx, pypiserver, Falcon and boto3; renews the README's table
	$(RUN) benchmarks $(ARGS)

# Index addresses stay out of the files: they are the machine's.
COMPILE := $(RUN) uv pip compile --quiet --upgrade --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"
BACKEND := $(BIN)/python -c 'import tomllib; \
	print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")'

lock: $(VENV)/tests ## Renew the pinned versions within the ranges of setup.cfg
	$(BACKEND) | $(COMPILE) setup.cfg - --output-file deploy/requirements.txt
	$(BACKEND) | $(COMPILE) setup.cfg .ci/requirements.in - \
		--constraints deploy/requirements.txt --output-file .ci/requirements.txt

parts: ## Install the real servers that tests use into .cache/parts (as root, with Debian's packages)
	.ci/parts/all

wheel: $(VENV)/tests ## Build the wheel into dist/
	$(RUN) build --quiet --wheel --no-isolation

pre-commit: $(VENV)/tests ## Check what is committed, from now on, before it is
	$(BIN)/pre-commit install

clean: ## Remove what was installed and built; ./data stays
	rm -rf $(VENV) .cache build dist *.egg-info
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find app middleware storage auth tests benchmarks -name __pycache__ -prune -exec rm -rf {} +

$(MADE_FOR):
	@test -n "$(PYTHON)" || { echo "Strongroom needs Python 3.11 or newer as python3" >&2; exit 1; }
	@rm -rf $(VENV)
	@echo "Making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "The module venv failed: on Debian it is in the package python3-venv" >&2; exit 1; }
	@echo "$(CURDIR)" > $@

# The stamps. What is installed already is not asked for again, so both work without a network.
# A lock names all that is needed, by itself; with extras pip would want a pin for each of them.
# The build backend is pinned too: nothing is fetched or built behind the lock's back.
$(VENV)/serves: $(MADE_FOR) deploy/requirements.txt setup.cfg pyproject.toml
	@echo "Installing what serves"
	@$(PIP) install --require-hashes --no-deps --requirement deploy/requirements.txt
	@PYTHONWARNINGS=ignore $(PIP) install --no-index --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/tests: $(VENV)/serves .ci/requirements.txt
	@echo "Installing what tests"
	@$(PIP) install --require-hashes --no-deps --requirement .ci/requirements.txt
	@touch $@
