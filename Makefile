# The two commands of the README are `make app` and `make test`; each sets up all it needs from a bare clone.
FITS := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11; do \
  "$$name" -c "$(FITS)" 2>/dev/null && echo "$$name" && exit; done; echo python3)
VENV ?= .venv
BIN := $(VENV)/bin
PORT ?= 8501

# An environment whose Python is gone, as after an upgrade of the system, is made anew.
ifeq ($(shell "$(BIN)/python" -c "print(1)" 2>/dev/null),)
$(shell rm -f "$(VENV)/run.done" "$(VENV)/dev.done")
CLEAR := --clear
endif

.PHONY: help app test lint parity bench scores clean

help:  ## List the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(VENV)/run.done: requirements.txt pyproject.toml
	@scripts/check-machine "$(PYTHON)" .
	"$(PYTHON)" -m venv $(CLEAR) $(VENV)
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
	$(BIN)/python server.py --server.port $(PORT)

test: $(VENV)/dev.done  ## Run all the tests, in a real browser and with real weights too
	@command -v chromium >/dev/null || (apt-get update -qq && apt-get install -qq -y --no-install-recommends chromium fonts-dejavu-core) \
	  || { echo "The browser tests need Chromium: install your system's package 'chromium' and run make test again."; exit 1; }
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not alone"
	$(BIN)/python -m pytest -m alone

lint: $(VENV)/dev.done  ## Check style and types, of Python and of what runs in the browser
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/oxlint --deny-warnings ui

parity: $(VENV)/run.done  ## Compare our published preset with the published scores (needs ../shared/data and ../shared/reference)
	$(BIN)/python -m benchmarks.parity

bench: $(VENV)/run.done  ## Measure feature extraction against what a user would write instead
	$(BIN)/python -m benchmarks.extraction

scores: $(VENV)/run.done  ## Print the table of stored scores
	$(BIN)/semsearch evaluate groceries200

clean:  ## Remove the virtual environment and caches of the checkout (not the downloads in ~/.cache/semsearch)
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache static/pictures
