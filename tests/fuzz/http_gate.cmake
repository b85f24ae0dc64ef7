if(TARGET xinyin_api_http)
  find_library(HTTP_PARSER_LIBRARY http_parser REQUIRED)  # libhttp-parser-dev: the second opinion
  xinyin_fuzz(http_gate SOURCE ${CMAKE_CURRENT_LIST_DIR}/http_gate.cpp USES api_http base
    PRIVATE ${HTTP_PARSER_LIBRARY})
endif()
