if(TARGET xinyin_hsm_officers)
  xinyin_fuzz(drill_report SOURCE ${CMAKE_CURRENT_SOURCE_DIR}/drill_report.cpp USES hsm_officers)
endif()
