// Many keys in one token: calls into the module are counted, not seconds.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <fstream>

#include "hsm/client.h"
#include "hsm/inventory.h"
#include "hsm/provision.h"
#include "hsm/token.h"
#include "tests/support/signer.h"
#include "tests/support/token.h"

namespace hsm {
namespace {

constexpr std::size_t kKeys = 10000;

std::string label_of(std::size_t number) {
  return "seal-" + std::to_string(number);
}
TEST(ManyKeysTest, X) {
  ::setenv("TMPDIR", "/dev/shm", 1);
  std::vector<PlannedKey> plan{{"data-wrap-1", Algorithm::aes_256, Purpose::data_wrapping}};
  for (std::size_t i = 1; i < kKeys; ++i)
    plan.push_back({label_of(i), Algorithm::ecdsa_p256, Purpose::seal});
  const auto t0 = std::chrono::steady_clock::now();
  const auto since = [&](const char* w) {
    std::fprintf(stderr, "%s %.2f\n", w,
                 std::chrono::duration<double>(std::chrono::steady_clock::now() - t0).count());
  };
  test::Token token(plan);
  since("made");
  auto& open = token.open();
  since("open");
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(open.recheck().ok());
  since("3 rechecks");
  ASSERT_TRUE(open.sign("seal-777", base::Digest{}).ok());
  since("sign");
}
}  // namespace
}  // namespace hsm
