if(TARGET xinyin_auth)
  xinyin_fuzz(signed_challenge SOURCE ${CMAKE_CURRENT_SOURCE_DIR}/signed_challenge.cpp USES auth)
endif()
