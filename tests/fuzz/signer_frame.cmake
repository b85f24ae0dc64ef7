if(TARGET xinyin_hsm)
  xinyin_fuzz(signer_frame SOURCE ${CMAKE_CURRENT_SOURCE_DIR}/signer_frame.cpp USES hsm)
endif()
