if(TARGET xinyin_auth)
  xinyin_fuzz(client_metadata SOURCE ${CMAKE_CURRENT_SOURCE_DIR}/client_metadata.cpp USES auth)
endif()
