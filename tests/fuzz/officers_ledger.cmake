if(TARGET xinyin_certs_ledger)
  xinyin_fuzz(officers_ledger SOURCE ${CMAKE_CURRENT_SOURCE_DIR}/officers_ledger.cpp USES certs_ledger)
endif()
