# make demo    install into .venv and run on embedded pictures
# make test    install what tests need and run them
# make lint    ruff and mypy
# make bench   benchmarks beside their peers
# make chaos   200 faults against small batches: nothing may be lost or different
# make fuzz    10,000 mutated files over all readers; ARGS="--n 1000 --seed 2 --reader NAME"
# make audit   known vulnerabilities of what is installed, unsafe code of our own
# make soak    10,000 images: memory, time per item, planning

SHELL := /bin/sh
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$p" && break; done)
BIN := .venv/bin
JOBS ?= 2

.PHONY: demo test lint bench chaos soak fuzz audit clean

demo: .venv/installed
	@$(BIN)/spam-pipe warmup
	@$(BIN)/spam-pipe demo

test: .venv/installed-dev
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile

lint: .venv/installed-dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/mypy

bench: .venv/installed-dev
	@for script in tests/benchmarks/bench_*.py; do $(BIN)/python "$$script" || exit 1; done

chaos: .venv/installed-dev
	@$(BIN)/python -m tests.chaos

soak: .venv/installed-dev
	@$(BIN)/python tests/benchmarks/soak.py

fuzz: .venv/installed-dev
	@$(BIN)/python -m tests.fuzz $(ARGS)

audit: .venv/installed-dev
	@$(BIN)/bandit --quiet --recursive --configfile pyproject.toml pipeline stages spam_pipe
	@echo "bandit: nothing found in our own code"
	@$(BIN)/python -m tests.audit

clean:
	rm -rf .venv

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "missing: Python 3.11 or newer (set PYTHON=/path/to/python3)"; exit 1; }
	@"$(PYTHON)" -m venv .venv || { echo "missing: Python's venv module (on Debian: apt install python3-venv)"; exit 1; }

.venv/installed: .venv/bin/python pyproject.toml
	@echo "installing spam-pipe into .venv (about 6 GB, a few minutes the first time) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable . \
		|| { echo "pip could not install spam-pipe: is the package index reachable?"; exit 1; }
	@touch $@

.venv/installed-dev: .venv/installed
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,opencv,s3,graph,dicom,serve,geo,parquet]' \
		|| { echo "pip could not install what tests need: is the package index reachable?"; exit 1; }
	@touch $@
