# xinyin_test_token: a throw-away SoftHSM token, for tests that need Keys; and the real signer over it.
if(TARGET xinyin_hsm_token)
  add_library(xinyin_test_token STATIC ${CMAKE_CURRENT_SOURCE_DIR}/token.cpp ${CMAKE_CURRENT_SOURCE_DIR}/card.cpp
    ${CMAKE_CURRENT_SOURCE_DIR}/signer.cpp ${CMAKE_CURRENT_SOURCE_DIR}/terminal.cpp)
  target_link_libraries(xinyin_test_token PUBLIC xinyin_flags xinyin_hsm_token PRIVATE util)
  add_library(xinyin_test_officers STATIC ${CMAKE_CURRENT_SOURCE_DIR}/officers.cpp)
  target_link_libraries(xinyin_test_officers PUBLIC xinyin_flags xinyin_hsm_officers PRIVATE OpenSSL::Crypto)
endif()
