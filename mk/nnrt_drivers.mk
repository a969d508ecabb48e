# Drivers of the Neural Network Runtime; included by engine.mk.
#
#   libnnrt_driver_cpu.so    the engine's kernels as a device
#   libnnrt_driver_host.so   drivers in processes of their own, which run nnrt_driver_host

$(eval $(call module,NNRtDriverCPU,System Graph ModelFile Operators Runtime,$(CHECKED)))

DRIVERS := $(LIB)/nnrt_drivers
CPU_DRIVER_OBJECTS := $(patsubst %,$(OBJ)/%.o,$(filter-out CInterface MSLite,$(ENGINE_MODULES)) NNRtDriverCPU)

.PHONY: nnrt_drivers
nnrt_drivers: $(addprefix $(DRIVERS)/,libnnrt_driver_cpu.so libnnrt_driver_host.so nnrt_driver_host)
library: nnrt_drivers

$(DRIVERS) $(OBJ)/nnrt_host:
	@mkdir -p $@

$(DRIVERS)/libnnrt_driver_cpu.so: $(CPU_DRIVER_OBJECTS) mk/exports_driver.map | $(DRIVERS)
	$(call link,$(CPU_DRIVER_OBJECTS),$(notdir $@),mk/exports_driver.map)

# (The host half cannot have ThreadSanitizer, whose runtime belongs to a Swift program.)
HOST_FLAGS := -std=gnu11 -D_GNU_SOURCE -O2 -fPIC -fvisibility=hidden -Wall -Wextra -Iinclude $(if $(filter asan,$(VARIANT)),-fsanitize=address -g)
HOST_LINK_FLAGS := -lpthread -ldl -Wl,--as-needed -Wl,-z,relro,-z,now -Wl,-z,noexecstack $(LINK_FLAGS) \
  $(if $(filter asan,$(VARIANT)),-fsanitize=address)

$(OBJ)/nnrt_host/%.o: Sources/NNRtDriverHost/%.c $(wildcard Sources/NNRtDriverHost/*.h include/*/*.h) mk/nnrt_drivers.mk | $(OBJ)/nnrt_host
	@$(CC) $(HOST_FLAGS) -c $< -o $@

HOST_CLIENT := $(patsubst %,$(OBJ)/nnrt_host/%.o,client hosts buffers remote_model remote_run host_process codec wire)
$(DRIVERS)/libnnrt_driver_host.so: $(HOST_CLIENT) mk/exports_driver.map | $(DRIVERS)
	@echo "link    $(VARIANT)  $@"
	@$(CC) -shared -o $@ $(HOST_CLIENT) $(HOST_LINK_FLAGS) -Wl,-soname,$(notdir $@) -Wl,--version-script,mk/exports_driver.map
	@$(if $(STRIP_LIBRARY),$(TOOLS)strip --strip-unneeded -R .comment $@)

HOST_PROGRAM := $(patsubst %,$(OBJ)/nnrt_host/%.o,host served_model codec wire)
$(DRIVERS)/nnrt_driver_host: $(HOST_PROGRAM) | $(DRIVERS)
	@echo "link    $(VARIANT)  $@"
	@$(CC) -pie -o $@ $(HOST_PROGRAM) $(HOST_LINK_FLAGS)
	@$(if $(STRIP_LIBRARY),$(TOOLS)strip $@)
