if(TARGET xinyin_api)
  xinyin_fuzz(http_multipart SOURCE ${CMAKE_CURRENT_LIST_DIR}/http_multipart.cpp USES api)
endif()
