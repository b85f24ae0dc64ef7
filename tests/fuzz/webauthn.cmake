if(TARGET xinyin_auth)
  xinyin_fuzz(webauthn SOURCE ${CMAKE_CURRENT_SOURCE_DIR}/webauthn.cpp USES auth)
endif()
