#!/bin/bash
# test.sh [STEP...]: runs the named steps, or all, and ends with "N passed, N failed". A step that cannot run has failed. What a
# step printed is in build/test/STEP.log. Environment:
#   MSLITE_EXTRA_MODELS  a folder of more models, of the form of Tests/Models, for the step `extra`
#   MSLITE_ISA           one instruction set instead of all that this CPU has
#   NNRT_PARTITIONS      how often operations of each model are refused at random in the step `nnrt_client` (5)
#   MSLITE_BUILT_TOOLS   a folder with converter_lite and mslite for the step `python`, instead of building them
#   FUZZ_SECONDS         how long libFuzzer runs (60)
set -u
cd "$(dirname "$0")/.."

all="unit operators library headers c cpp nnrt nnrt_drivers nnrt_client image golden training ${MSLITE_EXTRA_MODELS:+extra} allocations \
  converter bench python node aarch64 asan tsan mutation \
  fuzz importers packaging demo examples docs"
steps=${*:-$all}

out=build/test
mkdir -p $out
host=$(uname -m)
swiftc=${SWIFTC:-swiftc}
toolchain=$("$swiftc" -print-target-info | sed -n 's/.*"runtimeResourcePath": "\(.*\)".*/\1/p')
clang=${CLANG:-$toolchain/../../bin/clang}
manifest=Tests/Models/manifest.txt
# What half precision may differ by, of an output's peak. bfloat16 has 8 bits: three models of four stay below 0.01, the worst ones
# (a softmax of noise, a regression without normalisation) reach 0.14. float16 has 11.
bfloat16_tolerance=0.15
float16_tolerance=0.01
# Emulated and instrumented runs take the models up to this size.
small=600

engine() { make --no-print-directory -j"$(nproc)" -f mk/engine.mk VARIANT="$1"; }

# The instruction sets that this CPU's golden runs cover, best first.
instruction_sets() {
  if [ -n "${MSLITE_ISA:-}" ]; then
    echo "$MSLITE_ISA"
  elif [ "$host" = aarch64 ]; then
    echo neon
  else
    grep -q -w avx512vl /proc/cpuinfo && echo avx512
    grep -q -w avx2 /proc/cpuinfo && echo avx2
    echo sse
  fi
}

# compile VARIANT SOURCE PROGRAM [FLAG or SOURCE...]: a C program against a variant's library, or the LIBRARIES in the environment.
compile() {
  local variant=$1 source=$2 program=$3 compiler=(gcc) lib=build/$1/lib
  shift 3
  case $variant in
    "$host") lib=build/lib ;;
    aarch64) compiler=(aarch64-linux-gnu-gcc) ;;
    asan) compiler=("$clang" -fuse-ld=lld -fsanitize=address -g) ;;
    # The toolchain's ThreadSanitizer knows libdispatch and so needs it.
    tsan)
      compiler=("$clang" -fuse-ld=lld -fsanitize=thread -g)
      # Libraries that a program loads find the sanitizer in it.
      set -- "$@" -rdynamic -L"$toolchain/linux" -ldispatch -lBlocksRuntime -Wl,-rpath,"$toolchain/linux"
      ;;
  esac
  mkdir -p "$(dirname "$program")"
  "${compiler[@]}" -std=c99 -O1 -Wall -Wextra -Iinclude -ITests/C "$source" -o "$program" "$@" -L$lib ${LIBRARIES--lmslite} -lpthread -lm \
    -Wl,-rpath,"$PWD/$lib"
}

# run VARIANT COMMAND...
run() {
  local variant=$1
  shift
  if [ "$variant" = aarch64 ] && [ "$host" != aarch64 ]; then
    # The cross compiler's libraries are libc's: there is no libcrypto to load. Emulated programs cannot start others.
    TEST_WITHOUT_LIBCRYPTO=1 TEST_WITHOUT_EXEC=1 timeout 900 qemu-aarch64 -L /usr/aarch64-linux-gnu "$@"
  else
    timeout 900 "$@"
  fi
}

# Every program of Tests/C against a variant's library.
c_programs() {
  local variant=$1 source program failed=0
  for source in Tests/C/test_*.c; do
    program=$out/$variant/$(basename "$source" .c)
    echo "--- $program"
    if ! compile "$variant" "$source" "$program" || ! run "$variant" "$program" Tests/Models; then
      echo "FAIL $program"
      failed=1
    fi
  done
  return $failed
}

# nnrt VARIANT ROUNDS: the Neural Network Runtime with a driver that misbehaves when it is told to.
nnrt() {
  local variant=$1 folder=$out/$1/nnrt source run failed=0
  LIBRARIES= compile "$variant" Tests/C/nnrt/driver_test.c $folder/libnnrt_driver_test.so -shared -fPIC -fvisibility=hidden || return 1
  for source in Tests/C/nnrt/test_*.c; do
    LIBRARIES="-lneural_network_runtime -lneural_network_core" compile "$variant" "$source" $folder/$(basename "$source" .c) -ldl || failed=1
  done
  # A program, and what the driver is told before it starts.
  for run in $(basename -s .c Tests/C/nnrt/test_*.c) test_{tensors,memory}:buffers test_executor:no_ranges; do
    echo "--- $run"
    MSLITE_LOG=off ROUNDS=$2 MSLITE_NNRT_DRIVERS=$PWD/$folder/libnnrt_driver_test.so MSLITE_NNRT_TEST=$(sed 's/^[^:]*:*//' <<< "$run") \
      run "$variant" $folder/"${run%:*}" && continue
    echo "FAIL $run"
    failed=1
  done
  return $failed
}

# nnrt_drivers VARIANT: the drivers through their tables and through the runtime.
nnrt_drivers() {
  local variant=$1 folder=$out/$1/nnrt_drivers drivers=build/$1/lib/nnrt_drivers tests=Tests/C/nnrt_drivers failed=0 isa name
  [ "$variant" = "$host" ] && drivers=build/lib/nnrt_drivers
  drivers=$PWD/$drivers
  program() {
    echo "--- $*"
    run "$variant" "$@" || { echo "FAIL $*"; failed=1; }
  }
  for name in operations models host; do
    LIBRARIES=-ldl compile "$variant" $tests/test_$name.c $folder/test_$name || return 1
  done
  LIBRARIES="-lneural_network_runtime -lneural_network_core -ldl" compile "$variant" $tests/test_operations.c $folder/test_runtime \
    -DCASE_THROUGH_RUNTIME &&
    LIBRARIES="-lneural_network_runtime -lneural_network_core" compile "$variant" $tests/test_service.c $folder/test_service &&
    LIBRARIES= compile "$variant" $tests/bad_driver.c $folder/libnnrt_bad_driver.so -shared -fPIC -fvisibility=hidden &&
    LIBRARIES= compile "$variant" $tests/fake_host.c $folder/nnrt_fake_host Sources/NNRtDriverHost/wire.c -D_GNU_SOURCE || return 1
  local sets
  [ "$variant" = "$host" ] && sets=$(instruction_sets)
  for isa in ${sets:-default} reference; do
    echo "--- $isa"
    [ $isa = default ] || export MSLITE_ISA=$isa
    program $folder/test_operations $drivers/libnnrt_driver_cpu.so
    unset MSLITE_ISA
  done
  program $folder/test_models $drivers/libnnrt_driver_cpu.so Tests/Models
  MSLITE_NNRT_DRIVERS=$drivers/libnnrt_driver_cpu.so program $folder/test_runtime
  # Emulated programs cannot start others, and a program without ThreadSanitizer cannot load a driver with it.
  [ "$variant" = aarch64 ] || [ "$variant" = tsan ] && return $failed
  MSLITE_NNRT_HOSTED=libnnrt_driver_cpu.so program $folder/test_operations $drivers/libnnrt_driver_host.so
  MSLITE_NNRT_HOSTED=libnnrt_driver_cpu.so program $folder/test_models $drivers/libnnrt_driver_host.so Tests/Models
  MSLITE_NNRT_HOSTED=libnnrt_driver_cpu.so MSLITE_NNRT_DRIVERS=$drivers/libnnrt_driver_host.so program $folder/test_runtime
  # Instrumented hosts take their time to start, and to say why they crash.
  local -x MSLITE_NNRT_HOST_TIMEOUT=300 ASAN_OPTIONS=$ASAN_OPTIONS:symbolize=0
  [ "$variant" = asan ] && MSLITE_NNRT_HOST_TIMEOUT=3000
  rm -rf $folder/cache && mkdir $folder/cache
  MSLITE_LOG=off program $folder/test_service $drivers $PWD/$folder $PWD/$folder/cache
  for name in cpu bad nonsense killed; do program $folder/test_host $name $drivers $PWD/$folder; done
  return $failed
}

# nnrt_client VARIANT [ARGUMENT...]: the engine as a client of the Neural Network Runtime: with a driver that misbehaves, with runtimes
# that are broken, and models on the CPU driver, whole and with operations refused at random; the arguments are for golden.
nnrt_client() {
  local variant=$1 folder=$PWD/$out/$1/nnrt_client tests=Tests/C/nnrt_client lib=$PWD/build/$1/lib failed=0
  [ "$variant" = "$host" ] && lib=$PWD/build/lib
  shift
  program() {
    echo "--- $*"
    run "$variant" "$@" || { echo "FAIL $*"; failed=1; }
  }
  local -x MSLITE_NNRT_PATH=$lib MSLITE_NNRT_MINIMUM_WORK=0
  LIBRARIES= compile "$variant" Tests/C/nnrt/driver_test.c $folder/libnnrt_driver_test.so -shared -fPIC -fvisibility=hidden &&
    LIBRARIES=-ldl compile "$variant" $tests/driver_wrapped.c $folder/libnnrt_driver_wrapped.so -shared -fPIC || return 1
  local kind name
  for kind in mock lacking; do
    for name in core runtime; do
      LIBRARIES= compile "$variant" $tests/mock_runtime.c $folder/$kind/libneural_network_$name.so -shared -fPIC \
        $([ $kind = mock ] || echo -DLACKS_RUN) || return 1
    done
  done
  LIBRARIES="-lmslite -ldl" compile "$variant" $tests/test_client.c $folder/test_client &&
    compile "$variant" $tests/test_broken_runtime.c $folder/test_broken_runtime &&
    compile "$variant" Tests/C/golden.c $folder/golden Tests/C/golden_cases.c || return 1
  MSLITE_LOG=off MSLITE_NNRT_TIMEOUT=300 MSLITE_NNRT_DRIVERS=$folder/libnnrt_driver_test.so program $folder/test_client Tests/Models
  MSLITE_LOG=off MSLITE_NNRT_PATH=$folder/mock program $folder/test_broken_runtime Tests/Models
  MSLITE_LOG=off MSLITE_NNRT_PATH=$folder/lacking program $folder/test_broken_runtime Tests/Models lacking
  MSLITE_LOG=off MSLITE_NNRT_DRIVERS=$folder/libnnrt_driver_wrapped.so NNRT_WRAPPED=$lib/nnrt_drivers/libnnrt_driver_cpu.so \
    program $folder/golden -v -d CPU "$@"
  return $failed
}

# golden VARIANT [ARGUMENT...]
golden() {
  local variant=$1
  shift
  compile "$variant" Tests/C/golden.c "$out/$variant/golden" Tests/C/golden_cases.c && run "$variant" "$out/$variant/golden" "$@"
}

# trainings VARIANT FOLDER [ARGUMENT...]: the recorded trainings of a folder.
trainings() {
  local variant=$1 list=$out/trainings.txt
  python3 Tests/Models/make_training_manifest.py "$2" > $list && compile "$variant" Tests/C/golden_train.c "$out/$variant/golden_train" &&
    run "$variant" "$out/$variant/golden_train" "${@:3}" $list
}

# --- steps ------------------------------------------------------------------------------------------------------------

# The unit tests, the converter and the tools, by one command: others would compile the modules with other flags once more.
# Release, because SwiftPM's debug builds index every file, which fails for modules that are compiled as a whole.
swift_build() { "${SWIFT:-swift}" build -c release -Xswiftc -enable-testing --build-tests --scratch-path .build; }

step_unit() {
  local status=0
  swift_build || return 1
  # The operators' tests say what they have run, and write it as models for the fuzzers.
  rm -rf $out/operators.txt $out/operator_models
  mkdir -p $out/operator_models
  MSLITE_OPERATOR_COVERAGE=$PWD/$out/operators.txt MSLITE_OPERATOR_MODELS=$PWD/$out/operator_models \
    "${SWIFT:-swift}" test -c release -Xswiftc -enable-testing --skip-build --scratch-path .build > $out/unit.txt 2>&1 || status=1
  cat $out/unit.txt
  # Swift Testing's last line: "Test run with N tests in N suites passed after ..." or "... failed after ... with N issues."
  sed -n 's/.*Test run with \([0-9]*\) tests\{0,1\}.*/\1/p' $out/unit.txt | tail -n 1 > $out/unit.count
  local count failed
  count=$(cat $out/unit.count)
  failed=$(grep -c '^✘ Test .* recorded an issue\|^✘ Test .* failed after' $out/unit.txt)
  [ "${count:-0}" -gt 0 ] || return 1
  [ $status = 0 ] && failed=0
  echo "$((count - failed)) passed, $failed failed"
  return $status
}

# Every operator is described, and tested with every data type that it accepts; docs/operators.md says so.
step_operators() {
  [ -s $out/operators.txt ] || step_unit > /dev/null || return 1
  python3 docs/operators.py $out/operators.txt --check
}

step_library() { engine "$host" && mk/check_library.sh build/lib/libmslite.so; }

step_headers() {
  local status=0
  CLANG=$clang sh Tests/C/check_headers.sh include || status=1
  sh Tests/C/test_symbols.sh build/lib/libmslite.so || status=1
  sh Tests/C/test_symbols.sh build/lib/libneural_network_core.so Tests/C/nnrt/symbols.txt || status=1
  return $status
}

step_c() { engine "$host" && c_programs "$host"; }

step_nnrt() {
  local status=0
  engine "$host" || return 1
  mk/check_library.sh build/lib/libneural_network_core.so || status=1
  nnrt "$host" 2000 || status=1
  # The example's edges: 268 pixels of a disc and a bar, whichever device computes them.
  echo "--- examples/nnrt_build_model"
  make --no-print-directory -C examples/nnrt_build_model || return 1
  MSLITE_NNRT_DRIVERS=$PWD/$out/$host/nnrt/libnnrt_driver_test.so build/examples/nnrt_build_model NPU > $out/nnrt_build_model.txt &&
    [ "$(sed '1,/^edges/d' $out/nnrt_build_model.txt | tr -cd '#' | wc -c)" = 268 ] && echo "1 passed, 0 failed" || status=1
  return $status
}

step_nnrt_client() {
  local status=0 manifests=$manifest partitions=${NNRT_PARTITIONS:-5}
  engine "$host" && make --no-print-directory image || return 1
  if [ -n "${MSLITE_EXTRA_MODELS:-}" ]; then
    python3 Tests/Models/make_manifest.py "$(realpath "$MSLITE_EXTRA_MODELS")" --absolute > $out/extra.txt || return 1
    manifests="$manifest $out/extra.txt"
  fi
  nnrt_client "$host" -p "$partitions" $manifests || status=1
  echo "--- overhead"
  compile "$host" Tests/C/nnrt_client/overhead.c $out/overhead || return 1
  MSLITE_NNRT_PATH=$PWD/build/lib MSLITE_NNRT_DRIVERS=$PWD/build/lib/nnrt_drivers/libnnrt_driver_cpu.so \
    $out/overhead CPU 2 50 Tests/Models/efficientnet_lite0_fp16.ms || status=1
  echo "--- examples/nnrt_detect"
  make --no-print-directory -C examples/nnrt_detect || return 1
  # With the CPU driver, and as on a machine without a runtime.
  local path
  for path in $PWD/build/lib ''; do
    MSLITE_NNRT_PATH=$path make --no-print-directory -C examples/nnrt_detect run | tee $out/nnrt_detect.txt &&
      grep -q '^face 87 %: centre 0\.52 0\.39' $out/nnrt_detect.txt && echo "1 passed, 0 failed" || status=1
  done
  return $status
}

step_nnrt_drivers() {
  local status=0
  engine "$host" || return 1
  mk/check_library.sh build/lib/nnrt_drivers/libnnrt_driver_cpu.so || status=1
  mk/check_library.sh build/lib/nnrt_drivers/libnnrt_driver_host.so || status=1
  nnrt_drivers "$host" || status=1
  return $status
}

# The image library, which stands alone: with every instruction set it has kernels for, and with AddressSanitizer.
step_image() {
  local status=0 variant program lib flags isa
  "$clang" --version > /dev/null || return 1
  for variant in "$host" asan; do
    make --no-print-directory -j"$(nproc)" -f mk/image.mk image VARIANT="$variant" || return 1
    [ "$variant" = asan ] && lib=build/asan/lib flags=-fsanitize=address || lib=build/lib flags=
    mkdir -p $out/$variant
    for program in test_image test_reference; do
      "$clang" -fuse-ld=lld $flags -g -std=c99 -O1 -Wall -Wextra -Iinclude -ITests/C Tests/Image/$program.c -o $out/$variant/$program \
        -L$lib -lmslite_image -lm -Wl,-rpath,"$PWD/$lib" || return 1
    done
    for isa in best sse; do
      echo "--- $variant $isa"
      MSLITE_LOG=off MSLITE_ISA=$isa $out/$variant/test_image examples/classify/grace_hopper.jpg $out/image.png || status=1
      MSLITE_ISA=$isa $out/$variant/test_reference || status=1
    done
  done
  ! readelf -d build/lib/libmslite_image.so | grep -q 'NEEDED.*libmslite' || status=1
  echo "--- with the codecs inside"
  make --no-print-directory -f mk/image.mk image-bundled && mk/check_library.sh build/lib/bundled/libmslite_image.so.1 || status=1
  MSLITE_LOG=off LD_LIBRARY_PATH=build/lib/bundled $out/$host/test_image examples/classify/grace_hopper.jpg $out/image.png || status=1
  return $status
}

step_golden() {
  local isa status=0
  engine "$host" || return 1
  python3 Tests/Models/make_manifest.py Tests/Models | diff - $manifest || status=1
  for isa in $(instruction_sets); do
    echo "--- $isa"
    MSLITE_ISA=$isa golden "$host" -v -i "$isa" $manifest || status=1
  done
  if [ -z "${MSLITE_ISA:-}" ]; then
    echo "--- half precision"
    golden "$host" -v -h $([ "$host" = aarch64 ] && echo $float16_tolerance || echo $bfloat16_tolerance) $manifest || status=1
  fi
  # The scalar reference is too slow for whole networks.
  echo "--- reference"
  MSLITE_ISA=reference golden "$host" -v -i reference -f single_op $manifest || status=1
  return $status
}

step_training() {
  local isa status=0
  engine "$host" || return 1
  for isa in $(instruction_sets) reference; do
    echo "--- $isa"
    MSLITE_ISA=$isa trainings "$host" Tests/Models/training || status=1
  done
  echo "--- half precision"
  trainings "$host" Tests/Models/training -h 0.05 || status=1
  return $status
}

step_extra() {
  local isa status=0
  engine "$host" || return 1
  # The manifest's files are relative to it; the folder may be read-only, so it is written here with full paths.
  python3 Tests/Models/make_manifest.py "$(realpath "$MSLITE_EXTRA_MODELS")" --absolute > $out/extra.txt || return 1
  for isa in $(instruction_sets); do
    echo "--- $isa"
    MSLITE_ISA=$isa golden "$host" -v -i "$isa" $out/extra.txt || status=1
    [ ! -d "$MSLITE_EXTRA_MODELS/training" ] || MSLITE_ISA=$isa trainings "$host" "$MSLITE_EXTRA_MODELS/training" || status=1
  done
  return $status
}

step_allocations() {
  local models=Tests/Models
  engine "$host" && compile "$host" Tests/C/allocations.c $out/allocations && $out/allocations $models/efficientnet_lite0_fp16.ms \
    $models/face_detect_short/model.ms $models/ppocr_cls/model.ms $models/silero_vad_16k/model.ms \
    $models/selfie_seg_landscape/model.ms $models/lstm2x128_rand/model.ms $models/oww_embedding/model.ms \
    $models/ms_from_repos/ml_face_isface.ms $models/ms_variants/lenet28__{full8,dynq}.ms $models/tf_front_end/mobilenet_v1_025_128_int8.ms \
    $models/control_flow/{while_count,if_else,if_in_while,nested_if,nested_while,fibonacci,convolutions}.ms \
    $models/training/*/train.ms
}

# cpp_programs COMPILER FLAG...: the tests of mslite.hpp.
cpp_programs() {
  local name program tests=bindings/cpp/tests argument failed=0
  for name in golden training misuse memory overhead nnrt; do
    program=$out/cpp/$name
    case $name in
      golden) argument=$manifest ;;
      training) argument=$out/trainings.txt ;;
      *) argument=Tests/Models ;;
    esac
    echo "--- $name: $*"
    if ! "$@" -std=c++17 -O2 -Wall -Wextra -Wpedantic -Werror -Iinclude -ITests/C $tests/$name.cpp $out/cpp/golden_cases.o -o "$program" \
      -Lbuild/lib -lmslite -lpthread -lm -Wl,-rpath,"$PWD/build/lib" || ! MSLITE_LOG=off run "$host" "$program" "$argument" "$PWD/build/lib"; then
      echo "FAIL $name: $*"
      failed=1
    fi
  done
  return $failed
}

# cpp_image COMPILER FLAG...: the test of image.hpp, which needs no libmslite.so.
cpp_image() {
  local program=$out/cpp/image
  echo "--- image: $*"
  if ! "$@" -std=c++17 -O2 -Wall -Wextra -Wpedantic -Werror -Iinclude -ITests/C bindings/cpp/tests/image.cpp -o "$program" -Lbuild/lib \
    -lmslite_image -lm -Wl,-rpath,"$PWD/build/lib" || ! MSLITE_LOG=off run "$host" "$program" examples/classify/grace_hopper.jpg; then
    echo "FAIL image: $*"
    return 1
  fi
}

# The C++ interface: with two compilers, and without exceptions and RTTI; and that it may be used together with itself and other standards.
step_cpp() {
  local status=0 compiler standard header
  engine "$host" && make --no-print-directory image || return 1
  mkdir -p $out/cpp
  python3 Tests/Models/make_training_manifest.py Tests/Models/training > $out/trainings.txt
  gcc -c -std=c99 -O1 -Wall -Wextra -Iinclude Tests/C/golden_cases.c -o $out/cpp/golden_cases.o || return 1
  for compiler in g++ "$clang"; do
    for standard in c++17 c++20; do
      for header in include/mslite/*.hpp include/mslite/cpp/*.hpp; do
        echo "#include \"${header#include/}\"" | "$compiler" -std=$standard -Wall -Wextra -Wpedantic -Werror -Iinclude -x c++ -fsyntax-only - ||
          status=1
      done
    done
  done
  cpp_programs g++ || status=1
  cpp_image g++ || status=1
  cpp_programs g++ -fno-exceptions -fno-rtti || status=1
  cpp_image g++ -fno-exceptions -fno-rtti || status=1
  cpp_programs "$clang" --driver-mode=g++ || status=1
  cpp_image "$clang" --driver-mode=g++ || status=1
  bindings/quick_start.sh C++ || status=1
  return $status
}

# with_test_files COMMAND...: what the tests of the languages find in their environment: the models, the drivers of the Neural
# Network Runtime, and a program that says what a prediction costs in C. Not exported: SwiftPM runs the schema compiler again when the environment of a build has changed.
root=$PWD
with_test_files() {
  MSLITE_LOG=off MSLITE_TEST_MODELS=$root/Tests/Models MSLITE_TEST_NNRT=$root/build/lib MSLITE_PREDICTION_TIME=$root/$out/prediction_time \
    timeout 900 "$@"
}
prediction_time() { compile "$host" bindings/tests/prediction_time.c $out/prediction_time; }

# The Python package: the built wheels in an empty environment, and types.
step_python() {
  local status=0 tests=$PWD/bindings/python/tests environment=$PWD/$out/python
  engine "$host" && prediction_time || return 1
  local tools=${MSLITE_BUILT_TOOLS:-.build/release}
  [ -n "${MSLITE_BUILT_TOOLS:-}" ] || swift_build || return 1
  MSLITE_BUILT_TOOLS=$tools make --no-print-directory wheel || return 1
  rm -rf "$environment" "$out/python_folder"
  mkdir -p "$out/python_folder"
  python3 -m venv "$environment" && "$environment/bin/pip" install --quiet --disable-pip-version-check build/wheel/mslite*.whl \
    -r bindings/python/tests/requirements.txt || return 1
  (
    cd "$out/python_folder" && with_test_files "$environment/bin/python" -m pytest -q -s -p no:cacheprovider \
      --no-header --tb=short "$tests" > pytest.txt 2>&1
    local result=$?
    # pytest's last line, as the sum wants it.
    sed -E 's/^([0-9]+) passed in .*/\1 passed, 0 failed/; s/^([0-9]+) failed, ([0-9]+) passed.* in .*/\2 passed, \1 failed/' pytest.txt
    exit $result
  ) || status=1
  echo "--- types"
  "$environment/bin/mypy" --strict --cache-dir "$out/mypy" -p mslite --python-executable "$environment/bin/python" &&
    "$environment/bin/mypy" --strict --cache-dir "$out/mypy" --python-executable "$environment/bin/python" "$tests/mypy_use.py" &&
    echo "2 passed, 0 failed" || status=1
  MSLITE_BUILT_TOOLS=$(realpath "$tools") bindings/quick_start.sh Python || status=1
  return $status
}

# The package for Node.js: installed into an empty folder; and its types.
step_node() {
  local status=0 folder=$PWD/$out/node file
  engine "$host" && prediction_time && make --no-print-directory node || return 1
  rm -rf "$folder"
  mkdir -p "$folder"
  npm install --offline --no-audit --no-fund --prefix "$folder" build/node/mslite-*.tgz && cp -r bindings/node/test "$folder/" || return 1
  # One file after the other: memory and times are measured.
  for file in "$folder"/test/*.test.js; do
    echo "--- $(basename "$file")"
    with_test_files node --test --test-reporter=tap "$file" > $out/node.tap || status=1
    # Details of what has failed, what was measured, and the counts as the sum wants them.
    grep -A20 '^ *not ok' $out/node.tap
    grep -E '^# .* (overhead|more)' $out/node.tap
    awk '/^# pass / { good = $3 } /^# fail / { bad = $3 } END { print good + 0 " passed, " bad + 0 " failed" }' $out/node.tap
  done
  echo "--- types"
  tsc --strict --noEmit --target es2020 --module commonjs --moduleResolution node "$folder/test/types.ts" && echo "1 passed, 0 failed" || status=1
  bindings/quick_start.sh Node.js || status=1
  return $status
}

step_aarch64() {
  local status=0
  engine aarch64 || return 1
  # Loops that the compiler has stopped to unroll are slow and still right.
  if command -v llvm-mca && command -v llvm-objdump; then
    python3 Tests/Benchmark/inner_loops.py || status=1
  fi
  c_programs aarch64 || status=1
  nnrt aarch64 100 || status=1
  nnrt_drivers aarch64 || status=1
  golden aarch64 -v -i neon -m $small $manifest || status=1
  trainings aarch64 Tests/Models/training || status=1
  echo "--- bytes without dot products"
  MSLITE_ISA=neon golden aarch64 -v -i neon -f full8 $manifest || status=1
  MSLITE_ISA=neon golden aarch64 -v -i neon -f 128_int8 $manifest || status=1
  echo "--- half precision"
  # Emulated float16 is slow: the smaller half of the models.
  golden aarch64 -v -h $float16_tolerance -m 200 -t 1 $manifest || status=1
  return $status
}

step_asan() {
  local status=0
  engine asan || return 1
  c_programs asan || status=1
  nnrt asan 200 || status=1
  nnrt_drivers asan || status=1
  nnrt_client asan -m $small -t 1 -p 1 $manifest || status=1
  golden asan -v -m $small $manifest || status=1
  trainings asan Tests/Models/training || status=1
  return $status
}

step_tsan() {
  local status=0
  engine tsan || return 1
  c_programs tsan || status=1
  nnrt tsan 200 || status=1
  nnrt_drivers tsan || status=1
  nnrt_client tsan -m $small -t 2 -p 1 $manifest || status=1
  golden tsan -v -m $small -t 2 $manifest || status=1
  trainings tsan Tests/Models/training -t 2 || status=1
  return $status
}

# Broken model files, made from good ones: every small change to a small one, random changes to others; above 10,000 in all.
step_mutation() {
  local models=Tests/Models
  engine asan && compile asan Tests/Fuzz/mutate.c $out/asan/mutate || return 1
  MSLITE_LOG=off run asan $out/asan/mutate -n 500 -o $out/failed-variant.ms $models/single_op_tflite/relu.ms \
    $models/ms_from_repos/{mindrt_parallel,conv_train_model,lenet_tod_infer}.ms $models/ms_variants/lenet28__{fp32,fp16w}.ms \
    $models/ms_variants/face_detect_short__fp16w.ms $models/mtcnn_pnet/model.ms $models/lstm2x128_rand/model.ms \
    $models/control_flow/{if_else,tensor_list}.ms \
    $models/ms_variants/lenet28__{encrypted,wq5,wmixed}.ms $models/ms_variants/lstm2x128_rand__wq5.ms $models/packed/*.ms \
    $models/training/{mlp_mse_sgd,convbn_momentum}/train.ms
}

step_fuzz() {
  local corpus=$out/corpus
  engine "$host" && engine asan && compile asan Tests/Fuzz/fuzz_model.c $out/asan/fuzz_model -fsanitize=fuzzer || return 1
  [ -d $out/operator_models ] || step_unit > /dev/null || return 1
  # What the fuzzers have found must not come back.
  MSLITE_LOG=off $out/asan/fuzz_model -timeout=120 -rss_limit_mb=4096 -artifact_prefix=$out/ Tests/Fuzz/findings/* || return 1
  rm -rf $corpus
  mkdir -p $corpus
  cp $out/operator_models/*.ms Tests/Models/{single_op_tflite,control_flow,packed}/*.ms \
    Tests/Models/ms_from_repos/{conv_train_model,mindrt_parallel}.ms Tests/Models/ms_variants/lenet28__{wq5,wmixed}.ms $corpus/
  for model in mlp_mse_sgd convbn_momentum; do cp Tests/Models/training/$model/train.ms $corpus/$model.ms; done
  # A training model, or more, for each operator that has a gradient.
  python_environment && swift_build && MSLITE_LIB=$PWD/build/lib/libmslite.so MSLITE_CONVERTER=$PWD/.build/release/converter_lite \
    MSLITE_TOOL=$PWD/.build/release/mslite $out/venv/bin/python Tests/Converter/training_models.py --keep $corpus || return 1
  MSLITE_LOG=off $out/asan/fuzz_model -max_total_time="${FUZZ_SECONDS:-60}" -max_len=65536 -timeout=60 -rss_limit_mb=4096 \
    -artifact_prefix=$out/ -print_final_stats=1 $corpus 2>&1 | grep -v -E '^#[0-9]+.(REDUCE|NEW|RELOAD)'
  return "${PIPESTATUS[0]}"
}

# The converter's test programs are Python scripts: they need an environment of their own for numpy and onnx.
python_environment() {
  local wanted=Tests/Converter/requirements.txt
  cmp -s $wanted $out/venv/requirements.txt && return
  python3 -m venv $out/venv && $out/venv/bin/pip install --quiet --disable-pip-version-check -r $wanted && cp $wanted $out/venv/
}

# Models of every source format through the converter and the engine, against the frameworks' own results.
step_converter() {
  local status=0 models=Tests/Models
  engine "$host" && python_environment && swift_build || return 1
  # Not exported: SwiftPM runs the schema compiler again when the environment of a build has changed.
  script() {
    echo "--- $*"
    MSLITE_LIB=$PWD/build/lib/libmslite.so MSLITE_CONVERTER=$PWD/.build/release/converter_lite \
      MSLITE_TOOL=$PWD/.build/release/mslite timeout 1800 $out/venv/bin/python "Tests/Converter/$1" "${@:2}" || status=1
  }
  script command_line.py
  script tflite_models.py
  script tflite_operators.py
  script onnx_node_tests.py
  script onnx_node_tests.py --constants
  script onnx_operators.py
  script onnx_refused.py
  script onnx_models.py $models
  script control_flow.py
  script caffe_models.py
  script mindir_models.py
  script training_models.py
  script training_recomputed.py
  script tensorflow_models.py
  script passes.py $models
  script quantization_accuracy.py
  script tools.py
  return $status
}

# What `make bench` makes of its measurements, and that it runs; not how fast anything is.
step_bench() {
  engine "$host" && python_environment && swift_build && bash -n Tests/Benchmark/install_peers.sh || return 1
  MSLITE_LIB=$PWD/build/lib/libmslite.so MSLITE_TOOLS=$PWD/.build/release timeout 900 $out/venv/bin/python Tests/Benchmark/test_bench.py
}

# Broken models of every source format, made from good ones: the importers refuse or convert them, and nothing else happens.
step_importers() {
  local status=0 format finding
  python_environment && swift_build || return 1
  "$clang" -std=c99 -O1 Tests/Fuzz/mutate_importer.c -o $out/mutate_importer -L.build/release -lImporterFuzzing \
    -Wl,-rpath,"$PWD/.build/release" || return 1
  rm -rf $out/importers
  mkdir -p $out/importers
  $out/venv/bin/python Tests/Fuzz/importer_corpus.py $out/importers "${MUTATED_MODELS:-60}" || return 1
  for format in TFLITE ONNX CAFFE TF MINDIR; do
    echo "--- $format"
    MSLITE_LOG=off SWIFT_BACKTRACE=enable=no $out/mutate_importer $format "${MUTATIONS:-100}" $out/importers/failed-$format \
      $out/importers/$format/* || status=1
    # What the fuzzers have found must not come back.
    for finding in Tests/Fuzz/importer_findings/$format-*; do
      [ ! -e "$finding" ] || SWIFT_BACKTRACE=enable=no $out/mutate_importer $format 1 $out/importers/failed "$finding" || status=1
    done
  done
  return $status
}

# libFuzzer on one importer; not among the steps that run by themselves, because it needs a build of its own.
step_fuzz_importers() {
  local format=${FORMAT:-ONNX} corpus=$out/importer_corpus
  python_environment &&
    MSLITE_FUZZING=1 "${SWIFT:-swift}" build -c release --scratch-path .build-fuzz --product ImporterFuzzing || return 1
  "$clang" -std=c99 -fuse-ld=lld -fsanitize=fuzzer Tests/Fuzz/fuzz_importer.c -o $out/fuzz_importer -L.build-fuzz/release \
    -lImporterFuzzing -Wl,-rpath,"$PWD/.build-fuzz/release" && $out/venv/bin/python Tests/Fuzz/importer_corpus.py $corpus || return 1
  FUZZ_FORMAT=$format MSLITE_LOG=off SWIFT_BACKTRACE=enable=no $out/fuzz_importer -max_total_time="${FUZZ_SECONDS:-60}" -max_len=262144 \
    -timeout=60 -rss_limit_mb=4096 -artifact_prefix=$out/ -print_final_stats=1 $corpus/$format
}

step_packaging() { Tests/Packaging/run.sh; }

# The photograph is of a person in an admiral's coat and hat.
step_demo() {
  engine "$host" && make --no-print-directory image && make --no-print-directory -C examples/classify run | tee $out/demo.txt &&
    grep -q -E 'military uniform|academic gown' $out/demo.txt && [ "$(grep -c 'median of' $out/demo.txt)" = 2 ] || return 1
  # The exported model's accuracy, in percent.
  make --no-print-directory image || return 1
  make --no-print-directory -C examples/train_digits run | tee $out/digits.txt &&
    sed -n 's/^.*digits.ms: test accuracy \([0-9.]*\) %$/\1/p' $out/digits.txt | awk '{ n++; if ($1 < 98) bad = 1 } END { exit bad || n != 1 }' ||
    return 1
  # Its exit status says whether the accuracy is reached.
  swift_build &&
    make --no-print-directory -C examples/transfer_learning run CONVERTER="$PWD/.build/release/converter_lite"
}

# The use cases: each example's one command, and what it prints and draws.
step_examples() {
  local environment=$PWD/$out/examples
  engine "$host" && make --no-print-directory image && swift_build && python_environment || return 1
  cmp -s Tests/Examples/requirements.txt "$environment/requirements.txt" || {
    python3 -m venv "$environment" && "$environment/bin/pip" install --quiet --disable-pip-version-check -r Tests/Examples/requirements.txt &&
      cp Tests/Examples/requirements.txt "$environment/" || return 1
  }
  EXAMPLES_PYTHON=$environment/bin/python EXAMPLES_CONVERTER=$PWD/.build/release/converter_lite timeout 1800 "$environment/bin/python" \
    -m pytest -q -p no:cacheprovider --no-header --tb=short Tests/Examples > $out/pytest.txt 2>&1
  local result=$?
  sed -E 's/^([0-9]+) passed.* in .*/\1 passed, 0 failed/; s/^([0-9]+) failed, ([0-9]+) passed.* in .*/\2 passed, \1 failed/' $out/pytest.txt
  return $result
}

# The documentation: as a site, its commands, the paths and error texts that it names.
step_docs() {
  engine "$host" && python_environment || return 1
  $out/venv/bin/python -c 'import mkdocs' 2> /dev/null || $out/venv/bin/python -m pip install -q mkdocs || return 1
  $out/venv/bin/python Tests/Docs/test_docs.py $out/venv/bin/mkdocs
}

# --- the sum ----------------------------------------------------------------------------------------------------------

export ASAN_OPTIONS=allocator_may_return_null=1:max_allocation_size_mb=512:${ASAN_OPTIONS:-}
export TSAN_OPTIONS=halt_on_error=1:${TSAN_OPTIONS:-}
passed=0
failed=0
for step in $steps; do
  log=$out/$step.log
  start=$(date +%s)
  if ! declare -F "step_$step" > /dev/null; then
    echo "no step $step; there are: $all" >&2
    exit 2
  fi
  "step_$step" > "$log" 2>&1
  status=$?
  # What the step's programs counted; a step without counts is one test.
  read -r good bad <<< "$(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed.*/\1 \2/p' "$log" | awk '{g += $1; b += $2} END {print g + 0, b + 0}')"
  [ $status = 0 ] && [ "$good" = 0 ] && good=1
  [ $status != 0 ] && [ "$bad" = 0 ] && bad=1
  passed=$((passed + good))
  failed=$((failed + bad))
  printf '%-12s %-4s %6d passed %4d failed %5d s\n' "$step" "$([ "$bad" = 0 ] && echo ok || echo FAIL)" "$good" "$bad" \
    $(($(date +%s) - start))
  if [ "$bad" != 0 ]; then
    { grep -E 'FAIL|failed:|error:|✘|ERROR: ' "$log" | grep -v ' passed, ' | head -n 15; tail -n 5 "$log"; } | cut -c 1-240 |
      sed 's/^/    /'
  fi
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
