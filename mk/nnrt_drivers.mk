# Drivers of the Neural Network Runtime; included by engine.mk.
#
#   libnnrt_driver_cpu.so    the engine's kernels as a device

$(eval $(call module,NNRtDriverCPU,System Graph ModelFile Operators Runtime,$(CHECKED)))

DRIVERS := $(LIB)/nnrt_drivers
CPU_DRIVER_OBJECTS := $(patsubst %,$(OBJ)/%.o,$(filter-out MSLite,$(ENGINE_MODULES)) NNRtDriverCPU)

.PHONY: nnrt_drivers
nnrt_drivers: $(DRIVERS)/libnnrt_driver_cpu.so

$(DRIVERS):
	@mkdir -p $@

$(DRIVERS)/libnnrt_driver_cpu.so: $(CPU_DRIVER_OBJECTS) mk/driver_exports.map | $(DRIVERS)
	@echo "link    $(VARIANT)  $@"
	@$(CC) -shared -o $@ $(CPU_DRIVER_OBJECTS) $(UNICODE_TABLES) -lm -Wl,--as-needed -Wl,--gc-sections -Wl,--build-id \
	  -Wl,-z,relro,-z,now -Wl,-z,noexecstack -Wl,-soname,$(notdir $@) -Wl,--version-script,mk/driver_exports.map $(LINK_FLAGS)
	@$(if $(STRIP_LIBRARY),$(TOOLS)strip --strip-unneeded -R .comment $@)
