# `make run` and `make test` are the whole set-up: they install what they need and say what they cannot.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The ceiling of every version, and the hash of every file, is in constraints.txt.
INSTALL := UV_PYTHON_DOWNLOADS=never $(BIN)/uv pip install --quiet --python $(BIN)/python \
	--compile-bytecode --verify-hashes --constraint constraints.txt --build-constraint constraints.txt

.PHONY: help run run-live test test-shared lint release-check fuzz lock docs clean

help: ## Say what can be made.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## / - /'

run: $(VENV)/run ## Load the sample, run the DAGs, print a summary; then synthetic people who tried something.
	@$(BIN)/python -m cli.demo
	@$(BIN)/python -m cli.demo_effects

run-live: $(VENV)/run ## Connect three simulated people to a fake of Google Health, pull their week, show their pages.
	@PYTHONPATH=tests $(BIN)/python -m servers.run_live

test: $(VENV)/test chromium lint ## Check style and types, then run every test.
	@$(BIN)/python -m pytest --numprocesses auto --dist loadfile

test-shared: $(VENV)/test ## Run the tests that read recordings beside the checkout.
	@if [ -d ../shared/data ]; then $(BIN)/python -m pytest -m shared; \
	else echo "not checked: ../shared/data is not here, so the recordings in it were not read"; fi

fuzz: $(VENV)/test ## Fuzz every parser with the inputs of this commit.
	@PYTHONPATH=tests $(BIN)/python -m fuzz

lint: $(VENV)/test
	@$(BIN)/ruff check --quiet && $(BIN)/ruff format --quiet --check && $(BIN)/mypy

release-check: $(VENV)/run ## Look at what only a release needs: help lines and cards that were checked of late.
	@$(BIN)/python -m cli.release

lock: $(VENV)/uv ## Resolve every version anew into constraints.txt.
	@UV_PYTHON_DOWNLOADS=never $(BIN)/uv pip compile --quiet --python $(BIN)/python --universal --upgrade \
		--generate-hashes --no-emit-index-url --no-annotate --no-header --all-extras pyproject.toml \
		--output-file constraints.txt

docs: $(VENV)/run ## Write the generated pages of docs/ anew.
	@$(BIN)/python -m cli.docs docs

clean: ## Remove the environment; data in var/ stays.
	@rm -rf $(VENV) *.egg-info

$(VENV)/python:
	@./scripts/check_python $(PYTHON)
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/uv: $(VENV)/python constraints.txt
	@sed -n '/^uv==/,/[^\\]$$/p' constraints.txt > $(VENV)/uv.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(VENV)/uv.txt
	@touch $@

$(VENV)/run: $(VENV)/uv constraints.txt pyproject.toml
	@echo "installing what a run needs"
	@$(INSTALL) --editable .
	@touch $@

$(VENV)/test: $(VENV)/run
	@echo "installing what tests need"
	@$(INSTALL) --editable '.[test]'
	@touch $@

chromium:
	@./scripts/ensure_chromium
