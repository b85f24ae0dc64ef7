if(TARGET xinyin_hsm_officers)
  xinyin_fuzz(officers_request SOURCE ${CMAKE_CURRENT_SOURCE_DIR}/officers_request.cpp USES hsm_officers)
endif()
