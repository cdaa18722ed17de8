# make run · make test · make check — each makes .venv and installs what it needs first.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: run deploy test test-slow check screenshots install install-tests format clean

run: install
	$(BIN)/python app.py

# make deploy SPACE=user/name; with DRY=1 it only lists what would go.
deploy: install
	$(BIN)/python deploy.py $(or $(SPACE),$(error say where to: make deploy SPACE=user/name)) $(if $(DRY),--dry)

test: install-tests
	$(BIN)/python -m pytest -m "not slow"

test-slow: install-tests
	$(BIN)/python -m pytest -m slow

check: install-tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

screenshots: install-tests
	$(BIN)/python -m tests.screenshots

format: install-tests
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

install: $(VENV)/.installed
install-tests: $(VENV)/.installed-tests

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "지우는 Python 3.11 이상이 필요해요. Jiwoo needs Python 3.11 or newer (this is %d.%d): make PYTHON=python3.12 …" % sys.version_info[:2])'
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.installed: requirements.txt $(VENV)/.made
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.installed-tests: tests/requirements.txt $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r tests/requirements.txt
	@touch $@

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
