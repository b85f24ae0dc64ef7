if(TARGET xinyin_auth)
  xinyin_fuzz(platform_token SOURCE ${CMAKE_CURRENT_SOURCE_DIR}/platform_token.cpp USES auth)
endif()
