if(TARGET xinyin_verify)
  xinyin_fuzz(ses SOURCE ${CMAKE_CURRENT_SOURCE_DIR}/ses.cpp USES verify)
  target_compile_definitions(fuzz_ses PRIVATE XINYIN_FUZZ_DIR="${CMAKE_CURRENT_SOURCE_DIR}")
endif()
