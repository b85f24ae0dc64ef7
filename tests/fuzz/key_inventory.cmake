if(TARGET xinyin_hsm_token)
  xinyin_fuzz(key_inventory SOURCE ${CMAKE_CURRENT_SOURCE_DIR}/key_inventory.cpp USES hsm_token)
endif()
