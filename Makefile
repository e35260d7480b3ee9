# Everything runs in a virtual environment that make builds: only Python 3.11 or newer and git are needed.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
ARGS   ?=
# The only folders with tests that need a true control plane, stock programs or a whole demo.
E2E    := tests/e2e tests/contract tests/chart tests/compatibility \
          tests/shell/test_demo.py tests/shell/test_gitops_chart.py \
          tests/unit/api/test_documents.py tests/unit/gitops/render/test_helm.py

# Many images set this; then each of some hundred processes would compile all modules anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test check style types contracts tests e2e swarm cluster-build cluster-up cluster-down bench crds chart format clean

demo: $(VENV)/.installed  ## the main job, live, on the embedded cluster (ARGS="--scenario abort")
	$(BIN)/rollouts demo $(ARGS)

test: $(VENV)/.dev  ## what README promises: format, lint, types, contracts and all tests
	@$(MAKE) --no-print-directory --jobs 2 check

check: style types contracts tests

style: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/.dev
	$(BIN)/mypy

contracts: $(VENV)/.dev  ## who may import whom
	$(BIN)/lint-imports

tests: $(VENV)/.dev  ## the tests alone (ARGS="-k pause")
	$(BIN)/pytest -n 3 --dist worksteal $(ARGS)

# Programs in Go start by the hundred here, and memory is not scarce.
e2e: export GOGC = 400
e2e: $(VENV)/.dev  ## on a true control plane and with stock kubectl and helm (needs them, and Go)
	$(BIN)/pytest -m "real or kubectl or helm or played" -n 3 --dist loadscope --no-loadscope-reorder $(ARGS) \
	  $(E2E)

swarm: $(VENV)/.dev  ## ten times as many random histories, and each crash in every manner
	ROLLOUTS_TEST_EFFORT=10 $(BIN)/pytest -n 2 --dist worksteal $(ARGS) \
	  tests/simulation tests/properties tests/shell/test_gitops_swarm.py

cluster-build: $(VENV)/.dev  ## build the programs of the test cluster into ~/.cache/rollouts-ci
	@$(BIN)/python -m tests.cluster build

cluster-up: $(VENV)/.dev  ## a true control plane on loopback ports; prints what to export
	@$(BIN)/python -m tests.cluster up

cluster-down: $(VENV)/.dev
	@$(BIN)/python -m tests.cluster down

bench: $(VENV)/.dev  ## measured figures as a table; docs/benchmarks.md keeps them
	$(BIN)/python -m bench $(ARGS)

crds: $(VENV)/.installed  ## regenerate crds/ from the models
	$(BIN)/rollouts crds --output crds
	$(BIN)/rollouts crds --output charts/rollouts/files/crds

chart: crds  ## regenerate what the chart takes from elsewhere: definitions and the table of values
	$(BIN)/python -m tools.chart.readme

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

$(BIN)/python:
	$(PYTHON) -m venv --upgrade-deps $(VENV)

$(VENV)/.installed: pyproject.toml | $(BIN)/python
	$(BIN)/pip install --quiet --disable-pip-version-check --no-compile --editable .
	touch $@

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	$(BIN)/pip install --quiet --disable-pip-version-check --no-compile --editable '.[dev]'
	touch $@ $(VENV)/.installed

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
