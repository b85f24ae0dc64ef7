if(TARGET xinyin_store)
  xinyin_fuzz(audit_export SOURCE ${CMAKE_CURRENT_SOURCE_DIR}/audit_export.cpp USES store)
endif()
