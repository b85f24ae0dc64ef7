if(TARGET xinyin_auth)
  xinyin_fuzz(foreign_document SOURCE ${CMAKE_CURRENT_SOURCE_DIR}/foreign_document.cpp USES auth)
endif()
