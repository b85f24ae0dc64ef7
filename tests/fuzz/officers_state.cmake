if(TARGET xinyin_hsm_officers)
  xinyin_fuzz(officers_state SOURCE ${CMAKE_CURRENT_SOURCE_DIR}/officers_state.cpp USES hsm_officers)
endif()
