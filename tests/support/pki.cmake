# xinyin_test_pki: a small whole PKI; with keys in a token where the token's support is built too.
if(TARGET xinyin_certs_authority)
  add_library(xinyin_test_pki STATIC ${CMAKE_CURRENT_LIST_DIR}/pki.cpp
    ${CMAKE_CURRENT_LIST_DIR}/soft_key.cpp)
  target_link_libraries(xinyin_test_pki PUBLIC xinyin_flags xinyin_certs_authority
    PRIVATE OpenSSL::Crypto)
  if(TARGET xinyin_test_token)
    target_link_libraries(xinyin_test_pki PUBLIC xinyin_test_token)
    target_compile_definitions(xinyin_test_pki PRIVATE XINYIN_TEST_PKI_TOKEN)
  endif()
endif()
