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

# The out-of-process driver: in the app, and in the process that it starts.
HOST_SOURCES := $(wildcard Sources/NNRtDriverHost/*.c)
HOST_FLAGS := -std=gnu11 -O2 -fvisibility=hidden -Wall -Wextra -Iinclude $(HOST_VARIANT_FLAGS)

nnrt_drivers: $(DRIVERS)/libnnrt_driver_host.so $(DRIVERS)/nnrt_driver_host

$(OBJ)/nnrt_host/%.o: Sources/NNRtDriverHost/%.c $(wildcard Sources/NNRtDriverHost/*.h include/*/*.h) mk/nnrt_drivers.mk
	@mkdir -p $(@D)
	@$(CC) $(HOST_FLAGS) -fPIC -c $< -o $@

$(DRIVERS)/libnnrt_driver_host.so: $(patsubst %,$(OBJ)/nnrt_host/%.o,client host_process codec wire) mk/driver_exports.map | $(DRIVERS)
	@echo "link    $(VARIANT)  $@"
	@$(CC) $(HOST_VARIANT_FLAGS) -shared -o $@ $(filter %.o,$^) -lpthread -ldl -Wl,--as-needed -Wl,-z,relro,-z,now -Wl,-z,noexecstack \
	  -Wl,-soname,$(notdir $@) -Wl,--version-script,mk/driver_exports.map
	@$(if $(STRIP_LIBRARY),$(TOOLS)strip --strip-unneeded -R .comment $@)

$(DRIVERS)/nnrt_driver_host: $(patsubst %,$(OBJ)/nnrt_host/%.o,host served_model codec wire) | $(DRIVERS)
	@echo "link    $(VARIANT)  $@"
	@$(CC) $(HOST_VARIANT_FLAGS) -o $@ $(filter %.o,$^) -lpthread -ldl -Wl,--as-needed -Wl,-z,relro,-z,now
	@$(if $(STRIP_LIBRARY),$(TOOLS)strip $@)
