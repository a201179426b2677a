# Everything from a bare machine with Python >= 3.11, git and make:
#   make demo    the whole path on a generated network, then a service to look at
#   make test    the whole test suite, on its own Neo4j
# `make help` lists the rest.

# Where this is set, as in many images, each of the suite's hundred processes compiles PyTorch's files anew: ten seconds.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3
UV_VERSION := 0.13.9
BIN := .venv/bin
UV := $(BIN)/uv

.PHONY: help demo test check format install install-dev lock bench-graph bench-service clean

help:  ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  %-14s %s\n", $$1, $$2}'

demo: install  ## Generate, import, train, compare, serve: see what Entourage does
	$(BIN)/entourage demo

test: install-dev  ## Run the test suite in three processes; two start a Neo4j of their own on free ports
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

check: install-dev  ## Format, lint, types, import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: install-dev  ## Format the code and fix what lint can fix
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

install: .venv/.installed  ## Make .venv and install the pinned requirements

install-dev: .venv/.installed-dev  ## The same, with what checks and tests need

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Entourage needs Python 3.11 or newer; name one with PYTHON=python3.12 make …"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

# With UV_TORCH_BACKEND=cpu, uv picks PyTorch's small build: other files, so the pins hold but the hashes cannot.
.venv/.installed: requirements.txt pyproject.toml | $(UV)
ifdef UV_TORCH_BACKEND
	$(UV) pip install --python $(BIN)/python --no-verify-hashes -c requirements.txt setuptools .
else
	$(UV) pip install --python $(BIN)/python --require-hashes -r requirements.txt
endif
	$(UV) pip install --python $(BIN)/python --quiet --no-deps --no-build-isolation -e .
	@touch $@

.venv/.installed-dev: requirements-dev.txt .venv/.installed
ifdef UV_TORCH_BACKEND
	$(UV) pip install --python $(BIN)/python --no-verify-hashes -c requirements-dev.txt '.[dev,listening]'
else
	$(UV) pip install --python $(BIN)/python --require-hashes -r requirements-dev.txt
endif
	$(UV) pip install --python $(BIN)/python --quiet --no-deps --no-build-isolation -e .
	@touch $@

COMPILE := $(UV) pip compile pyproject.toml --python-version 3.11 --universal --generate-hashes \
	--no-emit-index-url --no-header --quiet

lock: | $(UV)  ## Pin the newest allowed versions anew, with hashes and no index
	$(COMPILE) --upgrade -o requirements.txt
	$(COMPILE) --upgrade --extra dev --extra listening -c requirements.txt -o requirements-dev.txt

SCALE ?= 0.01
BENCH := .entourage/bench-$(SCALE)
RESULTS := benchmarks/results
ASK ?= 1.0
bench-graph: export ENTOURAGE_HOME := $(BENCH)
bench-graph: install  ## Time import, export and every Cypher question at SCALE=… of the full network, ASK=… of the users
	rm -rf $(BENCH) && mkdir -p $(BENCH) $(RESULTS)/$(SCALE)
	$(BIN)/entourage generate $(BENCH)/files --scale $(SCALE)
	$(BIN)/python -m benchmarks.bench_import $(BENCH)/files --offline --out $(RESULTS)/$(SCALE)/import.json
	$(BIN)/python -m benchmarks.bench_graph --users $(ASK) --out $(RESULTS)/$(SCALE)
	$(BIN)/entourage down
	$(BIN)/python -m benchmarks.scale $(RESULTS) --out docs/images/scale.png

SERVED ?= .entourage/demo
bench-service: export ENTOURAGE_HOME := $(SERVED)
bench-service: install  ## Time feeds and events of the home SERVED=… (made by `make demo`), under gunicorn, on its Neo4j
	test -f $(SERVED)/snapshot/manifest.json || env -u ENTOURAGE_HOME $(BIN)/entourage demo --no-serve
	$(BIN)/python -m benchmarks.bench_service

clean:  ## Remove the environment and what tools left behind, never .entourage
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
