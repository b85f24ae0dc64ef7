// A drill's report, as somebody may have edited the file: what is read makes a request that the
// signer's own reader takes, with every key in it.
#include "hsm/officers/drill_report.h"
#include "base/check.h"
#include "base/json.h"
#include "hsm/officers/request.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hsm::officers;
  const auto report = read_drill_report(base::as_text({data, size}));
  if (!report.ok()) return 0;
  base::check(report->report == base::sha256({data, size}), "the digest of another report");
  const auto params = base::parse_json(prove_params(*report), {4 << 20, 4});
  base::check(params.ok(), "params that are no JSON");
  const auto read = read_prove(*params);
  base::check(read.ok() && read->keys.size() == report->keys.size() &&
                  read->backup == report->backup && read->report == report->report,
              "a request that says something else");
  return 0;
}
