if(TARGET xinyin_auth)
  xinyin_fuzz(token_jws SOURCE ${CMAKE_CURRENT_SOURCE_DIR}/token_jws.cpp USES auth)
endif()
