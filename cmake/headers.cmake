# headers_alone: compiles every header by itself, without the precompiled header, so that a file
# that includes it needs nothing else before it. Not part of `all`; tools/test --full builds it.

file(GLOB_RECURSE headers RELATIVE ${PROJECT_SOURCE_DIR}
  ${PROJECT_SOURCE_DIR}/engine/*.h ${PROJECT_SOURCE_DIR}/smtp/*.h ${PROJECT_SOURCE_DIR}/dns/*.h
  ${PROJECT_SOURCE_DIR}/queue/*.h ${PROJECT_SOURCE_DIR}/config/*.h ${PROJECT_SOURCE_DIR}/tools/*.h)
set(sources "")
foreach(header IN LISTS headers)
  set(source ${CMAKE_BINARY_DIR}/headers_alone/${header}.cc)
  file(CONFIGURE OUTPUT ${source} CONTENT "#include \"@header@\"\n#include \"@header@\"\n" @ONLY)
  list(APPEND sources ${source})
endforeach()
if(sources)
  add_library(headers_alone OBJECT EXCLUDE_FROM_ALL ${sources})
  target_include_directories(headers_alone PRIVATE ${PROJECT_SOURCE_DIR})
endif()
