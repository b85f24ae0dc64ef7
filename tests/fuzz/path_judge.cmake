if(TARGET xinyin_certs)
  xinyin_fuzz(path_judge SOURCE ${CMAKE_CURRENT_SOURCE_DIR}/path_judge.cpp USES certs)
endif()
