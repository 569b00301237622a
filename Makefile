PYTHON ?= python3
PYTEST_ARGS ?= -n auto --dist loadgroup
BIN := .venv/bin
COMPILE = $(BIN)/uv pip compile --quiet --generate-hashes --universal --no-header --no-annotate

.PHONY: run test check lock bench mutants clean

run: .venv/.runtime
	$(BIN)/headwater up

# A real broker needs Java and the jars; without them the Kafka tests are skipped, loudly (and fail when CI is set).
ifneq ($(and $(shell command -v java),$(shell command -v mvn)),)
test: build/kafka/.fetched
endif
test: check
	$(BIN)/python -m pytest $(PYTEST_ARGS)

check: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PYTHONPATH=. $(BIN)/lint-imports

lock: .venv/.dev
	$(COMPILE) --upgrade -o requirements.lock pyproject.toml
	$(COMPILE) --upgrade --extra dev -c requirements.lock -o requirements-dev.lock pyproject.toml

bench: .venv/.dev
	$(BIN)/python -m bench

# Single-point mutants of the pure rooms and the core: MUTANTS_ARGS="--sample 200", or rooms, or files.
mutants: .venv/.dev
	test -e build/mutants/reach.json || $(BIN)/python -m tests.mutants --record
	$(BIN)/python -m tests.mutants $(MUTANTS_ARGS)

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed")'
	$(PYTHON) -m venv .venv

# $(1): the lock to install. uv because it is quick; pip knows the same lock.
define install
	$(BIN)/python -m pip install --quiet uv || echo "uv cannot be had: pip installs, which takes longer"
	if [ -x $(BIN)/uv ]; then \
		$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r $(1) && \
		$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -e .; \
	else \
		$(BIN)/python -m pip install --quiet --require-hashes -r $(1) && \
		$(BIN)/python -m pip install --quiet --no-deps -e .; \
	fi
	touch $@
endef

.venv/.runtime: requirements.lock pyproject.toml | .venv/bin/python
	$(call install,requirements.lock)

.venv/.dev: requirements-dev.lock pyproject.toml | .venv/bin/python
	$(call install,requirements-dev.lock)
	touch .venv/.runtime

build/kafka/.fetched: tests/streams/kafka/pom.xml
	rm -rf build/kafka
	mvn --quiet --batch-mode --file tests/streams/kafka/pom.xml dependency:copy-dependencies
	touch $@
