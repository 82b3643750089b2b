# Two commands: `make demo` and `make test`. Each makes .venv and installs what it needs, once.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= auto
PROFILE ?= quick
BASE ?= main

.PHONY: demo test test-deep lint types format clean mutation raises kills fuzz fuzz-guided ops-table docs docs-serve \
	pictures notebooks soak \
	bench bench-quick bench-guard bench-memory bench-growth bench-scaling bench-optim bench-parallel bench-gpu

demo: $(VENV)/.demo
	$(BIN)/python -m autograd_core demo

test: $(VENV)/.test
	HYPOTHESIS_PROFILE=$(PROFILE) $(BIN)/python -m pytest -q -n $(JOBS)

# the same tests with many more drawn examples
test-deep: PROFILE = deep
test-deep: test

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/.test
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

types: $(VENV)/.test
	$(BIN)/mypy

# breaks every rule in turn, and counts how often the tests notice
mutation: $(VENV)/.test
	$(BIN)/python -m tests.mutation

# messages of errors that no test looks at
raises: $(VENV)/.test
	$(BIN)/python -m tests.raises check -n $(JOBS)

# two hundred processes killed while they train, two hundred while they save
kills: $(VENV)/.test
	$(BIN)/python -m tests.kills

# damaged and hostile files, guided by coverage where atheris can be installed (make fuzz-guided)
fuzz: $(VENV)/.test
	$(BIN)/python -m tests.fuzz

fuzz-guided: $(VENV)/.fuzz
	for target in safetensors idx npz csv; do $(BIN)/python -m tests.fuzz --atheris $$target --cases 25000 || exit 1; done

ops-table: $(VENV)/.test
	$(BIN)/python -m tests.support
	$(BIN)/python -m tests.layer_table
	$(BIN)/python -m tests.optimizer_table
	$(BIN)/python -m tests.array_table
	$(BIN)/python -m tests.raises page
	$(BIN)/python -m tests.conventions

# the documentation as a site, in site/: open site/index.html, with or without a server
docs: $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict
	@echo "written: site/index.html"

docs-serve: $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs serve

pictures: $(VENV)/.test
	$(BIN)/python docs/make_pictures.py
	$(BIN)/python -m tests.test_viz_golden

# executes the notebooks and keeps their outputs
notebooks: $(VENV)/.notebooks
	$(BIN)/python -m notebooks.run --write

# all workloads and peers, about 20 minutes; writes docs/performance.md and its plot
bench: $(VENV)/.bench
	$(BIN)/python -m benchmarks.bench --docs

# a few of them, about a minute
bench-quick: $(VENV)/.bench
	$(BIN)/python -m benchmarks.bench --quick

# does a commit run slower than BASE? The working folder, unless HEAD=... says which
bench-guard: $(VENV)/.bench
	$(BIN)/python -m benchmarks.guard $(BASE) $(HEAD)

# peaks of training steps, checkpoints; writes docs/performance.md
bench-memory: $(VENV)/.bench
	$(BIN)/python -m benchmarks.memory --docs

# time of a step against batch and width; writes docs/performance.md and its plot
bench-growth: $(VENV)/.bench
	$(BIN)/python -m benchmarks.growth --docs

# time against the number of nodes and of inputs, with finite differences beside it
bench-scaling: $(VENV)/.bench
	$(BIN)/python -m benchmarks.scaling

# one step of every optimizer against PyTorch's
bench-optim: $(VENV)/.bench
	$(BIN)/python -m benchmarks.optim --write

# training by 1, 2 and 4 processes, and what a network would make of it
bench-parallel: $(VENV)/.test
	$(BIN)/python -m benchmarks.parallel

# training steps on a GPU, with CuPy and with PyTorch; needs both, and the device
bench-gpu: $(VENV)/.bench
	$(BIN)/python -m benchmarks.gpu

# memory along ten thousand training steps
soak: $(VENV)/.test
	$(BIN)/python -m benchmarks.soak

# One stamp per extra: installed again only when pyproject.toml changes.
$(VENV)/.%: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$*]'
	touch $@

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)

clean:
	rm -rf $(VENV) build dist *.egg-info demo site
