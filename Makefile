# The two commands of the README, and what stands behind them. Each sets up what it needs.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt

.PHONY: demo test check format docs bench bench-accuracy clean

demo: .venv/inference  ## analyse examples/demo.mp4, print the answer, write the report
	$(BIN)/insula analyze examples/demo.mp4 --out out/demo
	@echo "Open out/demo/report.html in a browser."

test: .venv/test  ## everything CI runs, except the linters
	$(BIN)/python -m pytest

check: .venv/dev test  ## exactly what .ci/run calls
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: .venv/dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: .venv/dev  ## pages that are made from data: docs/models.md, docs/measured.md, the table of the README
	$(BIN)/python benchmarks/pages.py

bench: .venv/dev  ## half an hour; writes benchmarks/results/*.json; the fusions need the corpora
	$(BIN)/python benchmarks/speed.py
	$(BIN)/python benchmarks/memory.py
	$(BIN)/python benchmarks/fusion.py
	$(BIN)/python benchmarks/pages.py

bench-accuracy: .venv/dev  ## judges every bundled weight again; writes benchmarks/results/accuracy.json
	$(BIN)/python benchmarks/accuracy.py
	$(BIN)/python benchmarks/pages.py

.venv/inference: pyproject.toml
	test -d .venv || $(PYTHON) -m venv .venv
	$(PIP) --editable .
	touch $@

# torch first: the constraint then keeps every later requirement on that build.
.venv/test: pyproject.toml constraints.txt
	test -d .venv || $(PYTHON) -m venv .venv
	$(PIP) torch
	$(PIP) --editable ".[test]"
	touch $@ .venv/inference

.venv/dev: pyproject.toml constraints.txt .venv/test
	$(PIP) --editable ".[dev]"
	touch $@

clean:
	rm -rf .venv out
