if(TARGET xinyin_hsm_officers)
  xinyin_fuzz(officers_genesis SOURCE ${CMAKE_CURRENT_SOURCE_DIR}/officers_genesis.cpp USES hsm_officers)
endif()
