if(TARGET xinyin_auth)
  xinyin_fuzz(redirect_address SOURCE ${CMAKE_CURRENT_SOURCE_DIR}/redirect_address.cpp USES auth)
endif()
