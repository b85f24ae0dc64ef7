if(TARGET xinyin_auth)
  xinyin_fuzz(identity_text SOURCE ${CMAKE_CURRENT_SOURCE_DIR}/identity_text.cpp USES auth)
endif()
