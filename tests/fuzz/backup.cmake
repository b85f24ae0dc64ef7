if(TARGET xinyin_hsm_token)
  xinyin_fuzz(backup SOURCE ${CMAKE_CURRENT_SOURCE_DIR}/backup.cpp USES hsm_token)
endif()
