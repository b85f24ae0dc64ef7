if(TARGET xinyin_auth)
  xinyin_fuzz(foreign_jws SOURCE ${CMAKE_CURRENT_SOURCE_DIR}/foreign_jws.cpp USES auth)
endif()
