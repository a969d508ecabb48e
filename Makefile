# MindSpore Lite's C interface, in Embedded Swift. `make help` lists the targets.

include mk/version.mk

PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
DESTDIR ?=

export SWIFTC ?= $(firstword $(shell command -v swiftc) $(wildcard /opt/swift*/usr/bin/swiftc /usr/local/swift*/usr/bin/swiftc \
  $(HOME)/.local/share/swiftly/bin/swiftc) swiftc)
export SWIFT ?= $(dir $(SWIFTC))swift

# All processors, unless the caller says how many.
RULES = $(MAKE) --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))
ENGINE = $(RULES) -f mk/engine.mk
# Whether programs can be built with libpng and libjpeg.
HAS_CODECS = $(shell echo 'int main(void){return 0;}' | gcc -x c - -include stdio.h -include jpeglib.h -include png.h -lpng -ljpeg \
  -o /dev/null 2> /dev/null && echo yes)

.PHONY: all image help setup demo tools wheel node test bench docs install clean aarch64 asan tsan fuzz-smoke fuzz-importers
all:
	@mk/setup.sh build
	+@$(ENGINE)
ifeq ($(HAS_CODECS),yes)
	+@$(RULES) -f mk/image.mk image
else
	@echo "make: no libmslite_image.so: it needs libpng-dev and libjpeg62-turbo-dev ('make image' installs them where allowed)"
endif

image:
	@mk/setup.sh build demo
	+@$(RULES) -f mk/image.mk image

help:
	@echo "make                    build/lib: libmslite.so, libmslite.a, libneural_network_core.so and libneural_network_runtime.so; libmslite_image.so where libpng and libjpeg are"
	@echo "make image              build/lib/libmslite_image.so: decoding, resizing, colours, geometry of pictures"
	@echo "make demo               classify a photograph with EfficientNet-Lite0"
	@echo "make tools              build/bin/converter_lite, mslite and benchmark: the converter and its tools"
	@echo "make wheel              build/wheel: the Python package mslite, and mslite_tools with the converter and its tools"
	@echo "make node               build/node/mslite-$(VERSION).tgz: the package for Node.js"
	@echo "make test               every test; ends with 'N passed, N failed' (STEPS='golden ...' runs some, see mk/test.sh)"
	@echo "make bench              speed, load time and memory, beside other engines: PEERS=DIR MODELS=DIR THREADS='1 2' ROUNDS=3 ONLY=name"
	@echo "make setup              what the other targets do first: find the tools, install missing packages where allowed"
	@echo "make install            libraries, headers, CMake package and pkg-config files, into DESTDIR and PREFIX ($(PREFIX))"
	@echo "make aarch64            the same library for 64-bit ARM Linux, in build/aarch64/lib"
	@echo "make asan, make tsan    the library with AddressSanitizer, with ThreadSanitizer"
	@echo "make fuzz-smoke         libFuzzer on the model reader for FUZZ_SECONDS (60)"
	@echo "make fuzz-importers     libFuzzer on an importer of the converter: FORMAT (ONNX) for FUZZ_SECONDS (60)"
	@echo "make docs               the documentation as a site, with the reference of the C interface, in build/docs"
	@echo "make clean              remove build/"

setup:
	@mk/setup.sh build demo tools test

demo:
	@mk/setup.sh build demo
	+@$(ENGINE)
	@$(MAKE) --no-print-directory -C examples/classify run

TOOLS = converter_lite mslite
# SwiftPM runs the schema compiler again when its environment has changed, and make puts the variables of its command line there.
unexport PEERS MODELS THREADS ROUNDS ONLY
tools:
	@mk/setup.sh build demo tools
	@for tool in $(TOOLS); do env -u MAKEFLAGS -u MAKEOVERRIDES -u MFLAGS $(SWIFT) build -c release --scratch-path build/tools --product $$tool || exit 1; done
	@mkdir -p build/bin
	@for tool in $(TOOLS); do ln -sf ../tools/release/$$tool build/bin/$$tool; done
	@ln -sf mslite build/bin/benchmark

# The tools for the wheel: built, unless the environment names a folder that has them.
wheel: all $(if $(MSLITE_BUILT_TOOLS),,tools)
	@mk/setup.sh bench demo
	+@$(RULES) -f mk/image.mk image-bundled
	@python3 bindings/python/make_wheels.py build/lib build/wheel $(or $(MSLITE_BUILT_TOOLS),build/tools/release)

node: all
	@mk/setup.sh node demo
	+@$(RULES) -f mk/image.mk image-bundled
	@$(MAKE) --no-print-directory -C bindings/node

test:
	@mk/setup.sh build demo tools test
	@mk/test.sh $(STEPS)

bench: all tools
	@mk/setup.sh bench
	@PEERS="$(PEERS)" MODELS="$(MODELS)" THREADS="$(THREADS)" ROUNDS="$(ROUNDS)" ONLY="$(ONLY)" mk/bench.sh

aarch64:
	@mk/setup.sh build aarch64
	+@$(ENGINE) VARIANT=aarch64

asan tsan:
	@mk/setup.sh build
	+@$(ENGINE) VARIANT=$@

fuzz-importers:
	@mk/setup.sh build demo tools fuzz test
	@FORMAT=$(FORMAT) mk/test.sh fuzz_importers

fuzz-smoke:
	@mk/setup.sh build fuzz
	@mk/test.sh fuzz

# The files name each other by relative paths, so the installed tree can be moved.
RELATIVE = $(shell realpath -m --relative-to=$(LIBDIR)/$(1) $(2))
SUBSTITUTE = sed -e 's|@VERSION@|$(VERSION)|g' -e 's|@SOVERSION@|$(SOVERSION)|g' \
  -e 's|@PREFIX@|$(call RELATIVE,$(1),$(PREFIX))|g' -e 's|@LIBDIR@|$(call RELATIVE,$(1),$(LIBDIR))|g' \
  -e 's|@INCLUDEDIR@|$(call RELATIVE,$(1),$(INCLUDEDIR))|g'

install: all
	install -d $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(LIBDIR)/cmake/mslite $(DESTDIR)$(LIBDIR)/nnrt_drivers \
	  $(DESTDIR)$(INCLUDEDIR)/mindspore $(DESTDIR)$(INCLUDEDIR)/mslite/cpp $(DESTDIR)$(INCLUDEDIR)/neural_network_runtime
	install -m 755 build/lib/libmslite.so.$(VERSION) build/lib/libneural_network_core.so $(DESTDIR)$(LIBDIR)/
	cp -d build/lib/libmslite.so build/lib/libmslite.so.$(SOVERSION) build/lib/libmindspore_lite_ndk.so \
	  build/lib/libneural_network_runtime.so $(DESTDIR)$(LIBDIR)/
	install -m 755 build/lib/nnrt_drivers/libnnrt_driver_cpu.so build/lib/nnrt_drivers/libnnrt_driver_host.so \
	  build/lib/nnrt_drivers/nnrt_driver_host $(DESTDIR)$(LIBDIR)/nnrt_drivers/
	install -m 644 build/lib/libmslite.a $(DESTDIR)$(LIBDIR)/
	install -m 644 include/mindspore/*.h $(DESTDIR)$(INCLUDEDIR)/mindspore/
	install -m 644 $(filter-out include/mslite/image.h,$(wildcard include/mslite/*.h)) include/mslite/*.hpp $(DESTDIR)$(INCLUDEDIR)/mslite/
	install -m 644 include/neural_network_runtime/*.h $(DESTDIR)$(INCLUDEDIR)/neural_network_runtime/
	install -m 644 include/mslite/cpp/*.hpp $(DESTDIR)$(INCLUDEDIR)/mslite/cpp/
	$(call SUBSTITUTE,pkgconfig) cmake/mslite.pc.in > $(DESTDIR)$(LIBDIR)/pkgconfig/mslite.pc
	$(call SUBSTITUTE,pkgconfig) cmake/mslite-nnrt.pc.in > $(DESTDIR)$(LIBDIR)/pkgconfig/mslite-nnrt.pc
	$(call SUBSTITUTE,cmake/mslite) cmake/msliteConfig.cmake.in > $(DESTDIR)$(LIBDIR)/cmake/mslite/msliteConfig.cmake
	$(call SUBSTITUTE,cmake/mslite) cmake/msliteConfigVersion.cmake.in \
	  > $(DESTDIR)$(LIBDIR)/cmake/mslite/msliteConfigVersion.cmake
ifeq ($(HAS_CODECS),yes)
	install -m 755 build/lib/libmslite_image.so.$(VERSION) $(DESTDIR)$(LIBDIR)/
	cp -d build/lib/libmslite_image.so build/lib/libmslite_image.so.$(SOVERSION) $(DESTDIR)$(LIBDIR)/
	install -m 644 include/mslite/image.h $(DESTDIR)$(INCLUDEDIR)/mslite/
	$(call SUBSTITUTE,pkgconfig) cmake/mslite_image.pc.in > $(DESTDIR)$(LIBDIR)/pkgconfig/mslite_image.pc
endif

# MkDocs in an environment of its own; the reference is doxygen's.
docs:
	@mk/setup.sh docs
	@test -x build/mkdocs/bin/mkdocs || { python3 -m venv build/mkdocs && build/mkdocs/bin/pip install -q mkdocs; }
	@build/mkdocs/bin/mkdocs build --strict -q -f docs/mkdocs.yml
	@doxygen docs/Doxyfile
	@echo "build/docs/index.html, build/docs/reference/index.html"

clean:
	rm -rf build
