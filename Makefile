# Everything runs in .venv, which the first target that needs it sets up.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
STAMP := .venv/.installed

# Two workers, each with neighbours, which share fixtures; who is done takes some of the other's.
PYTEST := $(BIN)/python -m pytest -n 2 --dist worksteal

# Tests start hundreds of processes, each of which would compile the project anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: conformance test quick matrix extras lowest release-check docs notebooks runtimes gpu bench fuzz torture look audit lint clean

conformance: $(STAMP)
	$(BIN)/ghost-conformance run --report build/conformance

test: lint
	$(PYTEST) -m "not matrix and not gpu and not runtimes"

quick: $(STAMP)
	$(PYTEST) tests -m "not slow and not matrix and not gpu and not runtimes"

# The README's commands where one extra is installed, then with the lowest versions that it allows.
extras: $(STAMP)
	$(BIN)/python -m tests.project.machines

lowest: $(STAMP)
	$(BIN)/python -m tests.project.machines --lowest

# Both distributions as an index and a user get them: built, looked at, installed, run, listed.
release-check: .venv/.release
	$(BIN)/python -m tests.project.release

# The site, in build/docs: a warning is an error, and every link inside it must lead somewhere.
docs: .venv/.docs
	$(BIN)/python -m tests.project.site

# The pages of docs/notebooks print what they say; their pictures are drawn anew.
notebooks: .venv/.notebooks
	$(BIN)/python -m tests.project.notebooks

# Runtimes and engines that are too heavy for the environment of all other targets, and training over
# processes that each import their framework. JAX warns wherever OpenVINO or Ray start a program,
# which runs none of its code.
runtimes: .venv/.runtimes
	$(BIN)/python -m pytest tests/deployment tests/weights/evaluation tests/conformance tests/training \
		-m runtimes -W "ignore:os.fork:RuntimeWarning"

# Every module in every form through every tool of its framework, all pairs, whole runs.
SHARE ?= 1/1

matrix: $(STAMP)
	$(PYTEST) tests -m "matrix and not runtimes" --share $(SHARE)

# On a machine with a GPU, in whose environment PyTorch and JAX see it.
gpu:
	python3 -m pytest tests/gpu -rs
	python3 -m conformance run --implementation ghost_torch.modes:cuda --implementation ghost_jax

bench: $(STAMP)
	$(BIN)/python -m benchmarks

# Interchange files, and checkpoints of other tools, of which HDF5 takes a process each.
FILES ?= 1000000
FOREIGN ?= 4000
WHOLE ?= 100000
DICTS ?= 20000
CONTAINERS ?= 20000

fuzz: $(STAMP)
	$(BIN)/python -m tests.trust.fuzzers.interchange --files $(FILES)
	$(BIN)/python -m tests.trust.fuzzers.importers --files $(FOREIGN)
	$(BIN)/python -m tests.trust.fuzzers.contents --files $(WHOLE)
	$(BIN)/python -m tests.trust.fuzzers.state_dicts --files $(DICTS)
	$(BIN)/python -m tests.trust.fuzzers.differential --files $(WHOLE)
	$(BIN)/python -m tests.trust.fuzzers.containers --files $(CONTAINERS)

torture: $(STAMP)
	$(BIN)/python -m tests.trust.torture.saving

# The report and the site in a real browser, with axe-core of the npm registry; ends with 77 where
# there is none.
look: docs
	$(BIN)/python -m tests.browser.look

# Asks a database of vulnerabilities on the network about every pinned version.
audit: $(STAMP)
	$(BIN)/python -m pip install --quiet pip-audit
	$(BIN)/pip-audit --requirement constraints.txt --no-deps --disable-pip

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q -m "not slow" tests/test_imports.py

# constraints.txt pins CPU builds: a looser torch would bring gigabytes of CUDA.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or later is needed: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[all,test]"
	touch $(STAMP)

# Tools of one target each, in extras of their own: .venv/.docs is there once `docs` is installed.
.venv/.%: $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[$*]"
	touch $@

clean:
	rm -rf .venv build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +
