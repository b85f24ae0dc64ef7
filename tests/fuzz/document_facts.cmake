if(TARGET xinyin_seal_pdf)
  xinyin_fuzz(document_facts SOURCE ${CMAKE_CURRENT_SOURCE_DIR}/document_facts.cpp USES seal_pdf)
endif()
