if(TARGET xinyin_verify)
  xinyin_fuzz(pdf_judge SOURCE ${CMAKE_CURRENT_SOURCE_DIR}/pdf_judge.cpp USES verify)
  target_compile_definitions(fuzz_pdf_judge PRIVATE XINYIN_FUZZ_DIR="${CMAKE_CURRENT_SOURCE_DIR}")
endif()
