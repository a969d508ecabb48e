# Builds the library for one variant:  make -f mk/engine.mk VARIANT=name
#
#   (this machine's name)  the released library                          -> build/lib
#   aarch64                the same on another machine, cross-compiled   -> build/aarch64/lib
#   asan                   with AddressSanitizer, fit for libFuzzer      -> build/asan/lib
#   tsan                   with ThreadSanitizer                          -> build/tsan/lib
#
# Embedded Swift has no separate compilation of files: one compiler call makes one object of a whole module. Modules that do
# not import each other are built in parallel.

include mk/version.mk

HOST := $(shell uname -m)
VARIANT ?= $(HOST)

SWIFTC ?= swiftc
# Where the toolchain keeps its libraries; its clang has the sanitizer runtimes that match the compiler.
SWIFT_RESOURCES := $(shell $(SWIFTC) -print-target-info 2>/dev/null | sed -n 's/.*"runtimeResourcePath": "\(.*\)".*/\1/p')
CLANG ?= $(SWIFT_RESOURCES)/../../bin/clang

# --- what a variant changes -------------------------------------------------------------------------------------------

ARCH := $(HOST)
TOOLS :=
OUT := build/$(VARIANT)
CC := gcc
STRIP_LIBRARY := yes
# The toolchain's linker, which folds functions of the same code (specialisations of generic ones): 2.5 % of the library.
LINK_FLAGS := -Wl,-z,defs -B$(SWIFT_RESOURCES)/../../bin -fuse-ld=lld -Wl,--icf=all

ifeq ($(VARIANT),$(HOST))
  OUT := build
else ifeq ($(VARIANT),aarch64)
  ARCH := aarch64
  TOOLS := aarch64-linux-gnu-
  CC := $(TOOLS)gcc
  SYSROOT ?= /usr/aarch64-linux-gnu
  # The toolchain's Embedded library for aarch64 is the bare-metal one; libc's headers come from the cross compiler.
  VARIANT_FLAGS := -target aarch64-none-none-elf -Xcc -isystem -Xcc $(SYSROOT)/include -Xcc -D__linux__ -Xcc -D__ELF__ -Xcc -fPIC
else ifeq ($(VARIANT),asan)
  VARIANT_FLAGS := -sanitize=address -gline-tables-only
  # libFuzzer is to explore what reads the model, not the kernels' loops.
  CHECKED_FLAGS := -sanitize-coverage=edge,indirect-calls,trace-cmp,inline-8bit-counters,pc-table
else ifeq ($(VARIANT),tsan)
  VARIANT_FLAGS := -sanitize=thread -gline-tables-only
else
  $(error unknown VARIANT $(VARIANT): this machine's $(HOST), aarch64, asan or tsan)
endif

ifneq ($(filter asan tsan,$(VARIANT)),)
  # The sanitizer's runtime is in the program, so its symbols stay undefined in the library.
  CC := $(CLANG)
  LINK_FLAGS := -fuse-ld=lld
  STRIP_LIBRARY :=
endif

EMBEDDED_TRIPLE := $(if $(findstring aarch64-none,$(VARIANT_FLAGS)),aarch64-none-none-elf,$(ARCH)-unknown-linux-gnu)
# String comparison needs Unicode's normalisation tables; the linker drops what nobody uses.
UNICODE_TABLES := $(SWIFT_RESOURCES)/embedded/$(EMBEDDED_TRIPLE)/libswiftUnicodeDataTables.a

OBJ := build/obj/$(VARIANT)
LIB := $(OUT)/lib
SHARED := $(LIB)/libmslite.so.$(VERSION)
STATIC := $(LIB)/libmslite.a
NNRT_CORE := $(LIB)/libneural_network_core.so
NNRT_RUNTIME := $(LIB)/libneural_network_runtime.so

# --- flags ------------------------------------------------------------------------------------------------------------

# -disable-swift-specific-llvm-optzns: in Embedded mode the test for unique references is inlined as a plain load, and Swift 6.3's
# reference counting passes over LLVM code move retains past it. An array that was copied is then changed in place, the original
# with it (seen with -Xllvm -inline-threshold=0: shapes of inputs changed; gone with this flag).
COMMON := -wmo -parse-as-library -swift-version 6 -enable-experimental-feature Embedded -enforce-exclusivity=unchecked \
  -Xfrontend -function-sections -Xfrontend -disable-swift-specific-llvm-optzns -I $(OBJ) -I include -I Sources/CSystem/include -I Sources/CKernels/include -I Sources/CNNRt/include $(VARIANT_FLAGS)
# Checked: everything that sees data from outside. None of it is hot; small code is what counts. Traps that may be merged and
# repeated instruction sequences made into functions take 300 KiB off the library; no model ran measurably slower (Zen 5).
CHECKED := -Osize -Xfrontend -mergeable-traps -Xllvm -enable-machine-outliner=always $(CHECKED_FLAGS)
# Kernels see pointers and sizes that the engine has checked. Without -disable-cmo their small functions would be inlined
# into modules built for the baseline instruction set.
# Their vectors and unrolled loops are written out: what the compiler would add are copies of the short loops for remainders.
# Loops of a constant number of rounds have conditions that unrolling decides, which the compiler foresees for so many rounds only.
KERNELS := -Ounchecked -disable-cmo -Xllvm -unroll-runtime=false -Xllvm -vectorize-loops=false \
  -Xllvm -unroll-max-iteration-count-to-analyze=20
ifeq ($(ARCH),aarch64)
# Cores that execute in order wait where a load or a product is used at once; those that do not take instructions in any order.
KERNELS += -Xcc -mtune=cortex-a55
endif
AVX2 := -D AVX2 -Xcc -march=x86-64-v3
AVX512 := -D AVX512 -Xcc -march=x86-64-v4 -Xcc -mprefer-vector-width=512
# The 8-bit kernels want other instructions than the float ones.
VNNI := -D VNNI -Xcc -march=x86-64-v4 -Xcc -mavx512vnni -Xcc -mprefer-vector-width=512
DOT := -D DOT -Xcc -march=armv8.2-a+dotprod
# Half precision: pairs of bfloat16 on x86-64, float16 on aarch64.
HALF_x86_64 := $(AVX512) -D HALF -D BF16 -Xcc -mavx512bf16
HALF_aarch64 := -D HALF -D FP16 -Xcc -march=armv8.2-a+fp16

# --- modules ----------------------------------------------------------------------------------------------------------

# Every Embedded object carries weak copies of the language's runtime, compiled for its own instruction set, and the linker keeps
# any one of them for all. A kernel module's copies are made local: nothing but its table function leaves it.
ifneq ($(STRIP_LIBRARY),)
keep_kernels_apart = @$(TOOLS)ld -r --force-group-allocation -o $(1).merged $(1) && \
  $(TOOLS)objcopy --wildcard --keep-global-symbol='mskernels_*' $(1).merged $(1) && rm -f $(1).merged
endif

# $(call module,NAME,IMPORTED MODULES,FLAGS,KIND): NAME.o and NAME.swiftmodule from all of Sources/NAME. KIND is "mskernels" for a
# kernel module. Folders are among the prerequisites because their time changes when a file is added or removed. The compiler
# leaves a module file alone that it would not change; the stamp says that it has run, and modules above are rebuilt only when what
# they import has changed. It leaves objects alone too, but does not see that flags for code generation are different: hence rm.
MODULES :=
define module
MODULES += $(1)
$(OBJ)/$(1).stamp: $$(shell find -L Sources/$(1) -name '*.swift' -o -type d) $(addprefix $(OBJ)/,$(addsuffix .swiftmodule,$(2))) \
    $(C_MODULES) mk/engine.mk | $(OBJ)
	@echo "swiftc  $(VARIANT)  $(1)"
	@rm -f $(OBJ)/$(1).o
	@$(SWIFTC) $(COMMON) $(3) -module-name $(1) -emit-module -emit-module-path $(OBJ)/$(1).swiftmodule \
	  -c $$(sort $$(filter %.swift,$$^)) -o $(OBJ)/$(1).o
	$(if $(filter mskernels,$(4)),$(call keep_kernels_apart,$(OBJ)/$(1).o))
	@touch $$@
$(OBJ)/$(1).o $(OBJ)/$(1).swiftmodule: $(OBJ)/$(1).stamp
	@:
endef

# (image.h is mk/image.mk's.)
C_MODULES := $(filter-out include/mslite/image.h,$(wildcard Sources/CSystem/include/* Sources/CKernels/include/* \
  Sources/CNNRt/include/* include/module.modulemap include/*/*.h))

$(eval $(call module,System,,$(CHECKED)))
$(eval $(call module,Kernels,,$(KERNELS),mskernels))
# The reference is for tests: small, not fast.
$(eval $(call module,KernelsReference,,$(CHECKED) -disable-cmo,mskernels))
$(eval $(call module,Int8Kernels,,$(KERNELS),mskernels))
ifeq ($(ARCH),x86_64)
$(eval $(call module,KernelsAVX2,,$(KERNELS) $(AVX2),mskernels))
$(eval $(call module,KernelsAVX512,,$(KERNELS) $(AVX512),mskernels))
$(eval $(call module,Int8KernelsAVX2,,$(KERNELS) $(AVX2),mskernels))
$(eval $(call module,Int8KernelsVNNI,,$(KERNELS) $(VNNI),mskernels))
else
$(eval $(call module,Int8KernelsDot,,$(KERNELS) $(DOT),mskernels))
endif
$(eval $(call module,KernelsHalf,,$(KERNELS) $(HALF_$(ARCH)),mskernels))
$(eval $(call module,KernelSelection,,$(CHECKED)))
$(eval $(call module,FlatBuffers,,$(CHECKED)))
$(eval $(call module,Graph,,$(CHECKED)))
$(eval $(call module,ModelFile,System FlatBuffers Graph,$(CHECKED)))
$(eval $(call module,Operators,System KernelSelection Graph,$(CHECKED)))
$(eval $(call module,Optimizer,Graph Operators System,$(CHECKED)))
$(eval $(call module,NNRt,System Graph KernelSelection Operators,$(CHECKED)))
$(eval $(call module,Runtime,System Graph ModelFile Operators Optimizer KernelSelection NNRt,$(CHECKED)))
$(eval $(call module,CInterface,,$(CHECKED)))
$(eval $(call module,MSLite,CInterface System Graph Runtime NNRt,$(CHECKED)))

ENGINE_MODULES := $(MODULES)
OBJECTS := $(MODULES:%=$(OBJ)/%.o)

# The Neural Network Runtime is a library of its own.
$(eval $(call module,NNRtTypes,,$(CHECKED)))
$(eval $(call module,NeuralNetworkRuntime,CInterface NNRtTypes System,$(CHECKED)))
NNRT_OBJECTS := $(patsubst %,$(OBJ)/%.o,System CInterface NNRtTypes NeuralNetworkRuntime)

comma := ,

# --- libraries --------------------------------------------------------------------------------------------------------

.PHONY: library
library: $(LIB)/libmslite.so $(LIB)/libmindspore_lite_ndk.so $(NNRT_CORE) $(NNRT_RUNTIME) $(if $(STRIP_LIBRARY),$(STATIC))
.DEFAULT_GOAL := library

$(OBJ) $(LIB):
	@mkdir -p $@

# $(call link,OBJECTS,SONAME,VERSION SCRIPT,MORE FLAGS): $@ from objects.
define link
	@echo "link    $(VARIANT)  $@"
	@$(CC) -shared -o $@ $(1) $(UNICODE_TABLES) -lm -Wl,--as-needed -Wl,--gc-sections -Wl,--build-id \
	  -Wl,-z,relro,-z,now -Wl,-z,noexecstack -Wl,-soname,$(2) -Wl,--version-script,$(3) $(LINK_FLAGS) $(4)
	@$(if $(STRIP_LIBRARY),$(TOOLS)strip --strip-unneeded -R .comment $@)
endef

$(SHARED): $(OBJECTS) mk/exports.map | $(LIB)
	$(call link,$(OBJECTS),libmslite.so.$(SOVERSION),mk/exports.map)

# The names that OpenHarmony's programs know, without a version. The library's threads and the drivers live until the process ends.
$(NNRT_CORE): $(NNRT_OBJECTS) mk/exports_nnrt.map | $(LIB)
	$(call link,$(NNRT_OBJECTS),$(notdir $@),mk/exports_nnrt.map,-Wl$(comma)-z$(comma)nodelete)
# One library under two names: the dynamic linker knows the file again and loads it once.
$(NNRT_RUNTIME): $(NNRT_CORE)
	@ln -sf $(notdir $<) $@

$(LIB)/libmslite.so.$(SOVERSION): $(SHARED)
	@ln -sf $(notdir $<) $@
$(LIB)/libmslite.so: $(LIB)/libmslite.so.$(SOVERSION)
	@ln -sf $(notdir $<) $@
# The name under which OpenHarmony ships this interface, for programs that were linked with it.
$(LIB)/libmindspore_lite_ndk.so: $(LIB)/libmslite.so.$(SOVERSION)
	@ln -sf $(notdir $<) $@

# One object whose only global definitions are the C interface, so that nothing of the engine can clash with a program's
# names. COMDAT groups are dissolved because their signatures become local.
$(STATIC): $(OBJECTS) | $(LIB)
	@echo "archive $(VARIANT)  $@"
	@$(TOOLS)ld -r --force-group-allocation -o $(OBJ)/merged.o $(OBJECTS) $(UNICODE_TABLES)
	@$(TOOLS)objcopy --wildcard --keep-global-symbol='OH_AI_*' --keep-global-symbol='MSLite_*' $(OBJ)/merged.o $(OBJ)/mslite.o
	@rm -f $@
	@$(TOOLS)ar rcs $@ $(OBJ)/mslite.o
	@rm -f $(OBJ)/merged.o

# --- drivers ----------------------------------------------------------------------------------------------------------

include mk/nnrt_drivers.mk
