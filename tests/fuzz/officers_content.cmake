if(TARGET xinyin_hsm_officers)
  xinyin_fuzz(officers_content SOURCE ${CMAKE_CURRENT_SOURCE_DIR}/officers_content.cpp USES hsm_officers)
endif()
