# Two commands matter: `make demo` and `make test`. Each does all its set-up in this folder; root is not needed.
# make PYTHON=/path/to/python3.12 … takes another Python than python3.

BIN := .venv/bin
ARGS ?=
JOBS ?= 2
PYTEST_ARGS ?=
TOOLS := mosquitto micropython audio
export EDGE_APP_DATA ?= $(CURDIR)/../shared
ifdef PYTHON
export PYTHON
endif

FAST := -m "not slow and not hardware"
TESTS_313 := $(wildcard tests/unit tests/contracts tests/integration tests/golden)
PARALLEL := -n $(JOBS) --dist loadfile

.PHONY: help venv venv-dev tools demo test test-slow test-torch test-313 lint typecheck check bench clean

help: ## what can be made (this list)
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' Makefile | expand -t 12

venv: ## .venv/bin/edge-app, with sound and training; nothing else
	@scripts/venv use

venv-dev:
	@scripts/venv dev

tools: ## brokers, MicroPython and a sound server from Debian's packages, into .tools
	@scripts/fetch-tools $(TOOLS)

demo: ## a simulated pump falls ill and says so over MQTT; ARGS="--seconds 60 --json" reach it
	@scripts/venv demo
	@scripts/fetch-tools mosquitto || echo "demo: going on with the loopback broker that came with edge-app"
	@PATH="$(CURDIR)/.tools/bin:$$PATH" $(BIN)/edge-app demo $(ARGS)

test: venv-dev tools ## all tests but the slow ones, with coverage; a missing tool or recording is a failure
	@EDGE_APP_STRICT=1 $(BIN)/python -m pytest $(FAST) $(PARALLEL) --cov --cov-report=term:skip-covered $(PYTEST_ARGS)

test-slow: venv-dev tools ## kill schedules and long simulations
	@EDGE_APP_STRICT=1 $(BIN)/python -m pytest -m "slow and not hardware and not torch" $(PYTEST_ARGS)

test-torch: ## training of convolutional networks, in an environment of its own with torch (about 1 GB)
	@scripts/venv torch .venv-torch
	@EDGE_APP_STRICT=1 .venv-torch/bin/python -m pytest -m torch $(PYTEST_ARGS) tests/unit/training

test-313: tools ## what differs under Python 3.13 with ai-edge-litert and numpy 2
	@python="$$(scripts/find-python 3.13)" && PYTHON="$$python" scripts/venv dev .venv313
	@EDGE_APP_STRICT=1 .venv313/bin/python -m pytest $(FAST) $(PARALLEL) $(PYTEST_ARGS) $(TESTS_313)

lint: venv-dev ## ruff: rules and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

typecheck: venv-dev ## mypy --strict
	@$(BIN)/mypy

check: lint typecheck test ## lint, typecheck and test

bench: venv-dev tools ## the figures of the README, printed beside a bare loop in the same run
	@set -e; for bench in benchmarks/[a-z]*.py; do echo "== $$bench"; $(BIN)/python "$$bench"; done

clean: ## removes everything that was made here
	rm -rf .venv .venv313 .venv-torch .tools build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage .coverage.*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
