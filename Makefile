# The two commands of the README are `make app` and `make test`; each sets up all it needs from a bare clone.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
PORT ?= 8501

.PHONY: help app test lint parity bench scores clean

help:  ## List the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(VENV)/run.done: requirements.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	touch $@

$(VENV)/dev.done: requirements-dev.txt $(VENV)/run.done
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

app: $(VENV)/run.done  ## Start the app on http://localhost:8501 with real results on screen
	@$(BIN)/python -c "import socket; socket.create_server(('127.0.0.1', $(PORT)))" 2>/dev/null || { echo "Port $(PORT) is taken, or not allowed: choose another, such as make app PORT=8502"; exit 1; }
	$(BIN)/semsearch datasets fetch groceries200
	$(BIN)/semsearch models pull mobilenetv2 || echo "Live search will ask again for a network."
	$(BIN)/streamlit run server.py --server.port $(PORT)

test: $(VENV)/dev.done  ## Run all the tests, in a real browser and with real weights too
	@command -v chromium >/dev/null || (apt-get update -qq && apt-get install -qq -y --no-install-recommends chromium fonts-dejavu-core) \
	  || { echo "The browser tests need Chromium: install your system's package 'chromium' and run make test again."; exit 1; }
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not alone"
	$(BIN)/python -m pytest -m alone

lint: $(VENV)/dev.done  ## Check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

parity: $(VENV)/run.done  ## Compare our published preset with the published scores (needs ../shared/data and ../shared/reference)
	$(BIN)/python benchmarks/parity.py

bench: $(VENV)/run.done  ## Measure feature extraction against what a user would write instead
	$(BIN)/python benchmarks/extraction.py

scores: $(VENV)/run.done  ## Print the README's table of stored scores
	$(BIN)/semsearch evaluate groceries200

clean:  ## Remove the virtual environment and caches of the checkout (not the downloads in ~/.cache/semsearch)
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache static/pictures
