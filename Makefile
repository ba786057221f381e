# setup · demo · check · test · test-all · docs · bench: continuous integration calls the same names.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
INSTALLED := $(VENV)/requirements.lock
LINKED := $(VENV)/pyproject.toml

# Which tests are slow: tests/suites.py.
.PHONY: setup demo check test test-all docs bench lock clean

setup: $(INSTALLED) $(LINKED)
	@:

# The copies inside .venv say what is installed: a checkout that only touched the files costs nothing.
$(INSTALLED): requirements.lock
	@test -x $(BIN)/python || { echo "making $(VENV)"; $(PYTHON) -m venv $(VENV); }
	@cmp -s $< $@ || { echo "installing what requirements.lock names"; \
		$(PIP) install --require-hashes -r requirements.lock; }
	@cp $< $@

$(LINKED): pyproject.toml $(INSTALLED)
	@cmp -s $< $@ || { $(PIP) install --no-build-isolation --no-deps --editable . \
		&& $(BIN)/python -m flows.runtime.prefect_server; }
	@cp $< $@

demo: setup
	@$(BIN)/lookback demo

check: setup
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/python -m tests.lint_sql

# A run starts several processes: each would compile every module again where no bytecode is kept.
setup demo test test-all: export PYTHONDONTWRITEBYTECODE =

test: setup
	@$(BIN)/python -m pytest --numprocesses $(or $(JOBS),2) -m "not slow" $(ARGS)

test-all: setup
	@$(BIN)/python -m pytest --numprocesses $(or $(JOBS),2) $(ARGS)

docs: setup
	@$(BIN)/lookback docs

bench: setup
	@for file in tests/bench/bench_*.py; do \
		echo "$$file"; $(BIN)/python -m "tests.bench.$$(basename "$$file" .py)" || exit 1; done

# Needs uv on the path; only for those who change a dependency.
lock:
	uv pip compile --universal --python-version 3.11 --extra dev --generate-hashes --no-strip-extras \
		--no-emit-index-url --no-annotate --no-header --output-file requirements.lock pyproject.toml

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
