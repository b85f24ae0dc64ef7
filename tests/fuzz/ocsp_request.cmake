if(TARGET xinyin_certs_authority)
  xinyin_fuzz(ocsp_request SOURCE ${CMAKE_CURRENT_SOURCE_DIR}/ocsp_request.cpp USES certs_authority)
endif()
