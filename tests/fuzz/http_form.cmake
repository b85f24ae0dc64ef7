if(TARGET xinyin_api_http)
  xinyin_fuzz(http_form SOURCE ${CMAKE_CURRENT_LIST_DIR}/http_form.cpp USES api_http base)
endif()
