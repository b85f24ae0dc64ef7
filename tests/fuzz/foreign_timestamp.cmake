if(TARGET xinyin_test_pki)
  xinyin_fuzz(foreign_timestamp SOURCE ${CMAKE_CURRENT_SOURCE_DIR}/foreign_timestamp.cpp USES test_pki)
endif()
