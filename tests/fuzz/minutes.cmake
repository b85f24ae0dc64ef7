if(TARGET xinyin_hsm_officers)
  xinyin_fuzz(minutes SOURCE ${CMAKE_CURRENT_SOURCE_DIR}/minutes.cpp USES hsm_officers)
endif()
