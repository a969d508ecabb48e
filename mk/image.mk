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

.PHONY: image
image: $(LIB)/libmslite_image.so

$(IMAGE_SHARED): $(IMAGE_OBJECTS) mk/image_exports.map | $(LIB)
	@echo "link    $(VARIANT)  $@"
	@$(CC) -shared -o $@ $(IMAGE_OBJECTS) $(UNICODE_TABLES) -lpng -ljpeg -lm -Wl,--as-needed -Wl,--gc-sections -Wl,--build-id \
	  -Wl,-z,relro,-z,now -Wl,-z,noexecstack -Wl,-soname,libmslite_image.so.$(SOVERSION) \
	  -Wl,--version-script,mk/image_exports.map $(LINK_FLAGS)
	@$(if $(STRIP_LIBRARY),$(TOOLS)strip --strip-unneeded -R .comment $@)

$(LIB)/libmslite_image.so.$(SOVERSION): $(IMAGE_SHARED)
	@ln -sf $(notdir $<) $@
$(LIB)/libmslite_image.so: $(LIB)/libmslite_image.so.$(SOVERSION)
	@ln -sf $(notdir $<) $@
