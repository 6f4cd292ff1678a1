# `make` alone prints the targets.
PYTHON ?= python3
BIN := .venv/bin
DEMO := build/demo

help:            ## print this
	@sed -n 's/^\([a-z]*\): *[a-z. ]*## */  make \1\t/p' $(MAKEFILE_LIST) | expand -t 20

demo: .venv/run  ## set up, and run a real sweep on this machine's cores
	@$(BIN)/blueno sweep specs/digits.yaml --root $(DEMO)
	@cat docs/after-the-demo.txt

test: .venv/dev  ## set up, and run all tests
	$(BIN)/pytest -n 2 --dist worksteal

unit: .venv/dev  ## only the quick tests
	$(BIN)/pytest -n 2 tests/unit -m "not slow"

check: .venv/dev types  ## format, lint, types, import contracts, docs, tests
	$(BIN)/ruff format --check . && $(BIN)/ruff check .
	cd build/tree && ../../$(BIN)/lint-imports --no-cache --config ../../.importlinter
	$(BIN)/pytest -n 2 --dist worksteal -rs

types: .venv/dev tree  ## types, on the tree as it is installed
	cd build/tree && MYPYPATH=. ../../$(BIN)/mypy --config-file ../../pyproject.toml -p blueno

golden: .venv/dev  ## write the golden plans and versions anew; review the diff
	$(BIN)/python -m tests.golden && $(BIN)/python -m tests.write_cli_docs && $(BIN)/python -m tests.write_elastic_docs

tree:            # blueno/, etl/ and ml/ under one roof, as setuptools installs them
	@rm -rf build/tree && mkdir -p build/tree/blueno
	@for path in blueno/* etl ml; do ln -s "$(CURDIR)/$$path" build/tree/blueno/; done

.venv/run: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt -e ".[cpu,fused]"
	@touch $@

.venv/dev: .venv/run
	$(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt -e ".[cpu,dev]"
	@touch $@

.PHONY: help demo test unit check types golden tree
