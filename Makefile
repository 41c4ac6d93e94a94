# Needs Python 3.11 or newer and a package index; everything else goes into .venv.

PYTHON ?= python3
LISTEN ?= 127.0.0.1:8080
DATA   ?= .data
ARGS   ?=
URL    ?=
MINUTES ?= 30
SECONDS ?= 300
LIVES ?= 200

VENV := .venv
PY   := $(VENV)/bin/python

SETUP_RUN := $(VENV)/.ready-to-run
SETUP_DEV := $(VENV)/.ready-to-test
SETUP_FUZZ := $(VENV)/.ready-to-fuzz

.DEFAULT_GOAL := help
.PHONY: help run test lives test-browser test-commands test-foreign page demo bench bench-page bench-client faults conformance fuzz lint format coverage pure-tests lock clean
.DELETE_ON_ERROR:

help:
	@echo 'make run       set up, then the server on http://$(LISTEN), data in $(DATA)'
	@echo '               (make run LISTEN=127.0.0.1:9000 DATA=/somewhere ARGS="--config FILE")'
	@echo 'make test      set up, then every test (make test ARGS="tests/protocol -x" for some)'
	@echo 'make test-browser  the pages in a real Chromium (apt-get install chromium); screenshots in .screenshots'
	@echo 'make test-foreign  the client against tusd, @tus/server and tuspyserver, which it sets up in .bench'
	@echo 'make test-commands  tusvideo doctor against nginx set up wrongly in four ways (apt-get install nginx)'
	@echo 'make page      build the pages of tusvideo/page/src into tusvideo/page/static (needs Node.js 20.19 or newer)'
	@echo 'make demo      a video sent through a link that is cut again and again, server and client killed on the way'
	@echo 'make bench     tusvideo and its peers side by side, on loopback; sets them up in .bench, takes a quarter of an hour'
	@echo '               (make bench ARGS="--only one-patch,creates --runs 3 --quick")'
	@echo 'make bench-page  1 GiB through the page in Chromium, beside curl'
	@echo 'make bench-client  our client and others through cuts, silence and kills (make bench-client MINUTES=20'
	@echo '               ARGS="--only 1,2 --who ours,curl"; results add up; ARGS=--table shows them)'
	@echo 'make faults    kills, power cuts, full and failing disks against the promise (make faults MINUTES=30; root for all)'
	@echo 'make conformance  every rule of the protocols asked over raw sockets, of our server or of any other'
	@echo '               (make conformance URL=http://127.0.0.1:1080/files/ ARGS="--only V,P-04 --all")'
	@echo 'make lives     uploads of all dialects in any order of steps, the server killed between them (make lives LIVES=500)'
	@echo 'make fuzz      readers of foreign texts under a fuzzer that sees which branches it takes (make fuzz SECONDS=300)'
	@echo 'make lint      ruff, mypy and the floors between the modules'
	@echo 'make format    let ruff lay out the source'
	@echo 'make coverage  branch coverage of the pure modules, which must be complete'
	@echo 'make lock      choose new versions and hashes for the constraints files'
	@echo 'make clean     remove what make and the tools made (not $(DATA))'
	@echo 'Another interpreter: make test PYTHON=python3.13'

run: $(SETUP_RUN)
	@exec $(PY) -m tusvideo serve --listen '$(LISTEN)' --data-dir '$(DATA)' $(ARGS)

test: $(SETUP_DEV)
	@$(PY) -m pytest $(ARGS)

# In a process of its own: Playwright keeps an event loop running, and other tests want one of theirs.
test-browser: $(SETUP_DEV)
	@$(PY) -m pytest tests/browser $(ARGS)

test-foreign: $(SETUP_DEV)
	@$(PY) -m pytest tests/client/foreign $(ARGS)

# nginx_traps.py takes a minute, so it is not found by `make test`.
test-commands: $(SETUP_DEV)
	@$(PY) -m pytest tests/client/nginx_traps.py tests/client/test_doctor.py $(ARGS)

# The built pages are committed, so that nobody needs Node.js to install and to run.
page:
	@npm --prefix tusvideo/page/src ci --loglevel=error
	@npm --prefix tusvideo/page/src run --silent build

demo: $(SETUP_DEV)
	@$(PY) -m tests.demo $(ARGS)

bench: $(SETUP_DEV)
	@$(PY) -m tests.bench $(ARGS)

bench-page: $(SETUP_DEV)
	@$(PY) -m tests.bench.page $(ARGS)

bench-client: $(SETUP_DEV)
	@$(PY) -m tests.bench.client --minutes '$(MINUTES)' $(ARGS)

faults: $(SETUP_DEV)
	@$(PY) -m tests.faults.programme --minutes '$(MINUTES)' $(ARGS)

conformance: $(SETUP_DEV)
	@$(PY) -m tests.conformance.wire $(URL) $(ARGS)

lives: $(SETUP_DEV)
	@TUSVIDEO_LIVES='$(LIVES)' $(PY) -m pytest tests/conformance/wire/test_any_dialect.py tests/conformance/wire/test_any_life.py $(ARGS)

fuzz: $(SETUP_FUZZ)
	@$(PY) -m tests.fuzz --seconds '$(SECONDS)' $(ARGS)

lint: $(SETUP_DEV)
	$(PY) -m ruff check
	$(PY) -m ruff format --check
	$(PY) -m mypy
	$(VENV)/bin/lint-imports

format: $(SETUP_DEV)
	$(PY) -m ruff check --fix
	$(PY) -m ruff format

# What decides about bytes (dialects, rules, model) has no branch that no test takes. The tests that need no process and
# no disk suffice for it, so that nothing which is timed or killed runs under the tracer.
PURE := tusvideo/protocol/*,tusvideo/rules/*,tusvideo/model.py,tusvideo/video.py,tusvideo/errors.py,tusvideo/commands.py
PURE := $(PURE),tusvideo/message.py,client/tusvideo_client/plan.py,client/tusvideo_client/wire.py
PURE := $(PURE),client/tusvideo_client/commands/differences.py,client/tusvideo_client/pieces.py,client/tusvideo_client/rate.py
PURE := $(PURE),client/tusvideo_client/events.py,client/tusvideo_client/draft.py,client/tusvideo_client/dialect.py
PURE := $(PURE),client/tusvideo_client/refusal.py,client/tusvideo_client/gauge.py,client/tusvideo_client/width.py
PURE := $(PURE),client/tusvideo_client/testing/faults.py,client/tusvideo_client/checksum.py,client/tusvideo_client/inventory.py
PURE_TESTS := $(wildcard tests/model) tests/protocol tests/rules tests/service tests/client/test_plan.py tests/client/test_wire.py \
	tests/client/test_differences.py tests/client/test_pieces.py tests/client/test_rate.py tests/client/test_events.py \
	tests/client/test_draft.py tests/client/test_dialect.py tests/client/test_refusal.py \
	tests/client/test_gauge.py tests/client/test_fault_plan.py tests/client/test_width.py tests/client/test_checksum.py \
	tests/client/test_inventory.py

pure-tests:
	@echo $(PURE_TESTS)

coverage: $(SETUP_DEV)
	@$(PY) -m pytest --cov --cov-report= $(ARGS) $(PURE_TESTS)
	@$(PY) -m coverage report --include='$(PURE)' --fail-under=100

# Set-up, in two steps: what has a hash with hashes, then the project itself with nothing left to fetch. The files name
# all that is needed, so pip resolves nothing: asked to, it may take a release that came out since for an extra of one
# that is pinned, and then refuse it because it has no hash.
INSTALL := $(PY) -m pip install --quiet --disable-pip-version-check --no-deps

$(PY):
	@'$(PYTHON)' -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "tusvideo needs Python 3.11 or newer, and '$(PYTHON)' is $$('$(PYTHON)' --version 2>&1 || true)." >&2; \
	  echo "Name another one, for example: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@echo 'setting up $(VENV) (only the first time; needs a package index)' >&2
	@'$(PYTHON)' -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "'$(PYTHON)' cannot make a virtual environment; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }

$(SETUP_RUN): constraints.txt constraints-build.txt | $(PY)
	@$(INSTALL) --require-hashes -r constraints.txt -r constraints-build.txt
	@$(INSTALL) --no-build-isolation -e .
	@touch $@

$(SETUP_DEV): constraints.txt constraints-build.txt constraints-dev.txt | $(PY)
	@echo 'installing what the tests need into $(VENV)' >&2
	@$(INSTALL) --require-hashes -r constraints-dev.txt
	@$(INSTALL) --no-build-isolation -e .
	@$(PY) -m pip check --disable-pip-version-check >/dev/null || $(PY) -m pip check --disable-pip-version-check
	@touch $(SETUP_RUN) $@

$(SETUP_FUZZ): $(SETUP_DEV) constraints-fuzz.txt
	@echo 'installing the fuzzer into $(VENV)' >&2
	@$(INSTALL) --require-hashes -r constraints-fuzz.txt
	@touch $@

COMPILE := $(PY) -m uv pip compile --quiet --universal --python-version 3.11 --upgrade --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock'

lock: $(SETUP_DEV)
	$(COMPILE) pyproject.toml --output-file constraints.txt
	$(COMPILE) --group pyproject.toml:build --output-file constraints-build.txt
	$(COMPILE) pyproject.toml --extra dev --constraints constraints.txt --constraints constraints-build.txt \
	  --output-file constraints-dev.txt
	$(COMPILE) pyproject.toml --extra fuzz --constraints constraints.txt --output-file constraints-fuzz.txt

clean:
	rm -rf $(VENV) build dist htmlcov .coverage .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	rm -rf tusvideo/page/src/node_modules .screenshots
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
