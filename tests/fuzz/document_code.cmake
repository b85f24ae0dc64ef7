if(TARGET xinyin_verify)
  xinyin_fuzz(document_code SOURCE ${CMAKE_CURRENT_SOURCE_DIR}/document_code.cpp USES verify)
endif()
