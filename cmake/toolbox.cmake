# What every target shares: warnings, sanitizers, ccache, a fast linker, and the helpers
# sluice_library() and sluice_test().

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  # Without the sloppiness ccache refuses whatever uses a precompiled header, which is all of it.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros
      CCACHE_NOHASHDIR=1 ${CCACHE_PROGRAM})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-fpch-preprocess)
  endif()
endif()
find_program(MOLD_PROGRAM mold)
if(MOLD_PROGRAM AND NOT CMAKE_BUILD_TYPE STREQUAL "Release")
  add_link_options(-fuse-ld=mold)
endif()

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror -fno-omit-frame-pointer)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND
   (CMAKE_BUILD_TYPE STREQUAL "Release" OR SLUICE_SANITIZE MATCHES "thread"))
  # Optimising std::string, or instrumenting it for TSan, GCC 12 sees overlaps and overruns that are
  # not there (GCC bugs 105651, 105329). The dev build keeps both warnings.
  add_compile_options(-Wno-restrict -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread)
endif()
if(SLUICE_SANITIZE)
  add_compile_options(-fsanitize=${SLUICE_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${SLUICE_SANITIZE})
  if(SLUICE_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # GCC warns about every atomic fence under TSan, standard library's included.
    add_compile_options(-Wno-tsan)
  endif()
endif()

if(SLUICE_FUZZ)
  # The fuzzer steers by the coverage of our libraries, not only of its own target.
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

find_package(Threads REQUIRED)

# One precompiled header of standard headers for the whole tree, made once by sluice_base and used
# by every other target: it cuts a third of the build.
function(sluice_use_pch target)
  if(target STREQUAL "sluice_base")
    target_precompile_headers(sluice_base PRIVATE
      <algorithm> <array> <atomic> <chrono> <cstdint> <expected> <functional> <memory> <optional>
      <span> <string> <string_view> <unordered_map> <utility> <variant> <vector>)
  else()
    target_precompile_headers(${target} REUSE_FROM sluice_base)
  endif()
endfunction()

# sluice_library(NAME sources...): a static library of one folder. Layering is the PUBLIC and
# PRIVATE links that the caller adds; includes are written from the top of the tree.
function(sluice_library name)
  add_library(${name} STATIC ${ARGN})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
  sluice_use_pch(${name})
endfunction()

# sluice_test(NAME timeout_seconds sources...): one GoogleTest binary = one ctest.
function(sluice_test name timeout)
  add_executable(${name} ${ARGN})
  sluice_use_pch(${name})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE GTest::gmock GTest::gtest_main)
  add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set_tests_properties(${name} PROPERTIES TIMEOUT ${timeout})
endfunction()
