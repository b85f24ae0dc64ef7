if(TARGET xinyin_hsm_officers)
  xinyin_fuzz(officers_ledger SOURCE ${CMAKE_CURRENT_SOURCE_DIR}/officers_ledger.cpp USES hsm_officers)
endif()
