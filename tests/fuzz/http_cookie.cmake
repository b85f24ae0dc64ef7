if(TARGET xinyin_api_http)
  xinyin_fuzz(http_cookie SOURCE ${CMAKE_CURRENT_LIST_DIR}/http_cookie.cpp USES api_http base)
endif()
