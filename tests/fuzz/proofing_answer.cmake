if(TARGET xinyin_gateways)
  xinyin_fuzz(proofing_answer SOURCE ${CMAKE_CURRENT_SOURCE_DIR}/proofing_answer.cpp USES gateways)
endif()
