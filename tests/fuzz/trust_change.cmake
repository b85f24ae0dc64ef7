if(TARGET xinyin_hsm_officers)
  xinyin_fuzz(trust_change SOURCE ${CMAKE_CURRENT_SOURCE_DIR}/trust_change.cpp USES hsm_officers)
endif()
