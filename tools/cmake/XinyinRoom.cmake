# House flags, and the three shapes a target may have: a room's library, a program, a test binary.

find_program(XINYIN_CCACHE ccache)
if(XINYIN_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${XINYIN_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${XINYIN_CCACHE})
endif()

add_library(xinyin_flags INTERFACE)
target_compile_options(xinyin_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor
  -Wno-unused-parameter -fstack-protector-strong
  $<$<CONFIG:Release>:-O2 -g1 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2>
  $<$<CONFIG:Debug>:-Og -g1>)
target_link_options(xinyin_flags INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack)
target_include_directories(xinyin_flags INTERFACE ${CMAKE_SOURCE_DIR})
if(XINYIN_WARNINGS_AS_ERRORS)
  target_compile_options(xinyin_flags INTERFACE -Werror)
endif()
if(XINYIN_SANITIZE)
  target_compile_options(xinyin_flags INTERFACE -fsanitize=${XINYIN_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(xinyin_flags INTERFACE -fsanitize=${XINYIN_SANITIZE})
endif()

# xinyin_room(name SOURCES … [USES rooms…] [PRIVATE third-party…])
# A room's library. USES are floors below, seen by whoever includes the room's headers; third
# parties stay PRIVATE so that their headers cannot leak upward.
function(xinyin_room name)
  cmake_parse_arguments(arg "" "" "SOURCES;USES;PRIVATE" ${ARGN})
  add_library(xinyin_${name} STATIC ${arg_SOURCES})
  set(uses ${arg_USES})
  list(TRANSFORM uses PREPEND xinyin_)
  target_link_libraries(xinyin_${name} PUBLIC xinyin_flags ${uses} PRIVATE ${arg_PRIVATE})
endfunction()

# xinyin_program(name SOURCES … USES rooms… [PRIVATE third-party…]) -> bin/<name>
function(xinyin_program name)
  cmake_parse_arguments(arg "" "" "SOURCES;USES;PRIVATE" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  set(uses ${arg_USES})
  list(TRANSFORM uses PREPEND xinyin_)
  target_link_libraries(${name} PRIVATE xinyin_flags ${uses} ${arg_PRIVATE})
endfunction()

# Where things are, for tests: in a header of its own, so that the compiler's cache holds for every
# other file wherever the checkout lies.
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/paths/test_paths.h @ONLY CONTENT
"#pragma once
#define XINYIN_SOURCE_DIR \"@CMAKE_SOURCE_DIR@\"
#define XINYIN_BIN_DIR \"@CMAKE_BINARY_DIR@/bin\"
")

# xinyin_test(room SOURCES … USES rooms… [PRIVATE third-party…] [DATABASE])
# One binary and one CTest entry a room. DATABASE: needs the throw-away PostgreSQL cluster of the run.
function(xinyin_test room)
  cmake_parse_arguments(arg "DATABASE" "" "SOURCES;USES;PRIVATE" ${ARGN})
  add_executable(test_${room} ${arg_SOURCES})
  set(uses ${arg_USES})
  list(TRANSFORM uses PREPEND xinyin_)
  target_link_libraries(test_${room} PRIVATE xinyin_flags ${uses} ${arg_PRIVATE} GTest::gmock
    GTest::gtest_main)
  add_test(NAME ${room} COMMAND test_${room})
  set_tests_properties(${room} PROPERTIES TIMEOUT 600)
  if(arg_DATABASE)
    set_tests_properties(${room} PROPERTIES FIXTURES_REQUIRED postgres)
  endif()
endfunction()

# xinyin_embed(target NAME symbol_prefix FILES …): the files' bytes as std::string_view constants in
# namespace `embedded`, so that a binary needs no data directory.
#   #include "embedded_<NAME>.h"  ->  std::span<const embedded::File> embedded::<NAME>()
function(xinyin_embed target)
  cmake_parse_arguments(arg "" "NAME;ROOT" "FILES" ${ARGN})
  set(out ${CMAKE_CURRENT_BINARY_DIR}/embedded_${arg_NAME})
  add_custom_command(
    OUTPUT ${out}.cpp ${out}.h
    COMMAND /usr/bin/python3 ${CMAKE_SOURCE_DIR}/tools/cmake/embed.py --name ${arg_NAME} --root
            ${arg_ROOT} --out ${out} ${arg_FILES}
    DEPENDS ${arg_FILES} ${CMAKE_SOURCE_DIR}/tools/cmake/embed.py
    VERBATIM)
  target_sources(${target} PRIVATE ${out}.cpp ${out}.h)
  target_include_directories(${target} PRIVATE ${CMAKE_CURRENT_BINARY_DIR})
endfunction()

# xinyin_fuzz(name SOURCE file USES rooms…): a libFuzzer target, built with -DXINYIN_FUZZ=ON; without
# it the same source is linked with a driver that replays the seed corpus, so that it always compiles.
function(xinyin_fuzz name)
  cmake_parse_arguments(arg "" "SOURCE" "USES;PRIVATE" ${ARGN})
  set(uses ${arg_USES})
  list(TRANSFORM uses PREPEND xinyin_)
  if(XINYIN_FUZZ)
    add_executable(fuzz_${name} ${arg_SOURCE})
    target_compile_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  else()
    add_executable(fuzz_${name} ${arg_SOURCE} ${CMAKE_SOURCE_DIR}/tests/fuzz/replay.cpp)
    add_test(NAME fuzz.${name} COMMAND fuzz_${name} ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${name})
  endif()
  target_link_libraries(fuzz_${name} PRIVATE xinyin_flags ${uses} ${arg_PRIVATE})
endfunction()
