if(TARGET xinyin_auth)
  xinyin_fuzz(claims_request SOURCE ${CMAKE_CURRENT_SOURCE_DIR}/claims_request.cpp USES auth)
endif()
