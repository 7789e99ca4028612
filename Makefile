# The verbs of this project; CI calls the same ones.
PYTHON ?= python3
CONFIG ?= config/monitor.yaml
BIN := .venv/bin
# More at a time than there are cores: what is tested waits a good deal.
TESTS := $(BIN)/pytest -n 3 --dist worksteal

.PHONY: run test lint types layers cov soak audit lock dist docs man reference clean

run: .venv/.installed
	$(BIN)/monitor run -c $(CONFIG)

test: .venv/.installed-dev tests/npm/node_modules
	$(TESTS)

cov: .venv/.installed-dev tests/npm/node_modules
	$(TESTS) --cov --cov-report=term

lint: .venv/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/.installed-dev
	$(BIN)/mypy

layers: .venv/.installed-dev
	$(BIN)/lint-imports

soak: .venv/.installed-dev
	$(BIN)/pytest -o addopts="--import-mode=importlib" -m soak --timeout 3600

audit: .venv/.installed-dev
	.ci/audit

# The documents as a site, in site/; nothing in it is loaded from elsewhere.
docs: .venv/.installed-docs reference
	$(BIN)/zensical build --clean --strict
	rm -f site/*.py

# What stands in the documents and is made from the program.
reference: .venv/.installed man
	$(BIN)/python -m docs.reference

man: .venv/.installed
	$(BIN)/python -m docs.man

dist: .venv/.installed-dev
	$(BIN)/python -m build

# Without what is locked now, which the changed requirements may contradict.
lock: | .venv
	$(BIN)/pip install --quiet pip-tools
	$(BIN)/pip-compile --quiet --strip-extras --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-header --extra dev \
		--output-file requirements.lock pyproject.toml

.venv:
	$(PYTHON) -m venv .venv

.venv/.installed: pyproject.toml requirements.lock | .venv
	$(BIN)/pip install --quiet -c requirements.lock -e .
	touch $@

.venv/.installed-dev: pyproject.toml requirements.lock | .venv
	$(BIN)/pip install --quiet -c requirements.lock -e '.[dev]'
	touch $@ .venv/.installed

.venv/.installed-docs: pyproject.toml requirements.lock | .venv
	$(BIN)/pip install --quiet -c requirements.lock -e '.[docs]'
	touch $@ .venv/.installed

# Second readers of mails and webhooks, for tests; without npm those tests are skipped.
tests/npm/node_modules: tests/npm/package-lock.json
	if command -v npm >/dev/null; then npm ci --prefix tests/npm --no-audit --no-fund --loglevel=error && touch $@; fi

clean:
	rm -rf .venv tests/npm/node_modules build dist site *.egg-info .coverage* .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
