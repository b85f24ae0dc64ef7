if(TARGET xinyin_auth)
  xinyin_fuzz(foreign_keys SOURCE ${CMAKE_CURRENT_SOURCE_DIR}/foreign_keys.cpp USES auth)
endif()
