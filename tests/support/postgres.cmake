# xinyin_test_postgres: a database of its own for each test binary, and the cluster that holds it.
if(TARGET xinyin_store)
  find_package(PostgreSQL REQUIRED)
  add_library(xinyin_test_postgres STATIC ${CMAKE_CURRENT_LIST_DIR}/postgres.cpp)
  target_link_libraries(xinyin_test_postgres PUBLIC xinyin_flags xinyin_store
    PRIVATE PostgreSQL::PostgreSQL)
  target_compile_definitions(xinyin_test_postgres PRIVATE
    XINYIN_CLUSTER="${CMAKE_CURRENT_LIST_DIR}/cluster" XINYIN_BUILD_DIR="${CMAKE_BINARY_DIR}")
endif()

set(cluster ${CMAKE_CURRENT_LIST_DIR}/cluster)
add_test(NAME postgres.start COMMAND ${cluster} start ${CMAKE_BINARY_DIR})
add_test(NAME postgres.stop COMMAND ${cluster} stop ${CMAKE_BINARY_DIR})
set_tests_properties(postgres.start PROPERTIES FIXTURES_SETUP postgres TIMEOUT 120)
set_tests_properties(postgres.stop PROPERTIES FIXTURES_CLEANUP postgres TIMEOUT 120)
