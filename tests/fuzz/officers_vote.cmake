if(TARGET xinyin_hsm_officers)
  xinyin_fuzz(officers_vote SOURCE ${CMAKE_CURRENT_SOURCE_DIR}/officers_vote.cpp USES hsm_officers)
endif()
