# Builds libmslite_image.so (include/mslite/image.h) for this machine:  make -f mk/image.mk image [VARIANT=asan]
# Its modules are compiled as the engine's are; of those it shares Graph's error type, and how errors are printed.

include mk/engine.mk

IMAGE_SHARED := $(LIB)/libmslite_image.so.$(VERSION)
IMAGE_FLAGS := -I Sources/CImage/include -I Sources/CPictures/include
# Plain loops that the compiler makes into vectors, unlike the engine's kernels.
IMAGE_KERNELS := -Ounchecked -disable-cmo $(IMAGE_FLAGS)

OTHER_MODULES := $(MODULES)
$(eval $(call module,ImageKernels,,$(IMAGE_KERNELS),mskernels))
ifeq ($(ARCH),x86_64)
$(eval $(call module,ImageKernelsAVX2,,$(IMAGE_KERNELS) $(AVX2),mskernels))
endif
$(eval $(call module,MSLiteImage,CInterface Graph,$(CHECKED) $(IMAGE_FLAGS)))
IMAGE_MODULES := $(filter-out $(OTHER_MODULES),$(MODULES))
$(IMAGE_MODULES:%=$(OBJ)/%.stamp): mk/image.mk include/mslite/image.h $(wildcard Sources/CImage/include/* Sources/CPictures/include/*)
IMAGE_OBJECTS := $(IMAGE_MODULES:%=$(OBJ)/%.o) $(OBJ)/CInterface.o $(OBJ)/Graph.o

.PHONY: image image-bundled
image: $(LIB)/libmslite_image.so
# With the codecs in it, for the packages of the languages: other distributions' libjpeg has another version, or none.
IMAGE_BUNDLED := $(LIB)/bundled/libmslite_image.so.$(SOVERSION)
image-bundled: $(IMAGE_BUNDLED)

# $(1): the libraries of the codecs
define link_image
	@echo "link    $(VARIANT)  $@"
	@mkdir -p $(@D)
	@$(CC) -shared -o $@ $(IMAGE_OBJECTS) $(UNICODE_TABLES) $(1) -lm -Wl,--as-needed -Wl,--gc-sections -Wl,--build-id \
	  -Wl,-z,relro,-z,now -Wl,-z,noexecstack -Wl,-soname,libmslite_image.so.$(SOVERSION) \
	  -Wl,--version-script,mk/image_exports.map $(LINK_FLAGS)
	@$(if $(STRIP_LIBRARY),$(TOOLS)strip --strip-unneeded -R .comment $@)
endef

$(IMAGE_SHARED): $(IMAGE_OBJECTS) mk/image_exports.map | $(LIB)
	$(call link_image,-lpng -ljpeg)

$(LIB)/libmslite_image.so.$(SOVERSION): $(IMAGE_SHARED)
	@ln -sf $(notdir $<) $@
$(LIB)/libmslite_image.so: $(LIB)/libmslite_image.so.$(SOVERSION)
	@ln -sf $(notdir $<) $@

CODECS := $(OBJ)/codecs
CODEC_ARCHIVES := $(patsubst %,$(CODECS)/lib%.a,png jpeg z)
$(CODECS):
	@mkdir -p $@
$(CODECS)/lib%.a: mk/image.mk | $(CODECS)
	@test -e "$$($(CC) -print-file-name=lib$*.a)" || { echo "make: there is no lib$*.a: the packages of the languages have it inside" >&2; exit 1; }
	@$(TOOLS)objcopy --redefine-sym stderr=mslite_codec_stderr "$$($(CC) -print-file-name=lib$*.a)" $@
$(CODECS)/error_stream.o: Sources/CImage/bundled/error_stream.c | $(CODECS)
	@$(CC) -std=c99 -O2 -fPIC -c $< -o $@

$(IMAGE_BUNDLED): $(IMAGE_OBJECTS) $(CODECS)/error_stream.o $(CODEC_ARCHIVES) mk/image_exports.map
	$(call link_image,$(CODECS)/error_stream.o $(CODEC_ARCHIVES))
