// The documents of batches: made line by line for the system that handed them in, with the rights
// that it has at that moment. docs/decisions/0185-batches.md.
#pragma once

#include <atomic>
#include <thread>
#include <vector>

#include "api/handlers.h"
#include "api/log.h"
#include "seal/batches.h"

namespace api {

/// `started`: when the life of this instance began, for one that works on them.
seal::Batches batches_of(Services& services, const Upstairs& rooms, base::Time started = {});

/// Makes the document of one line. Errors: those of the system's token (it was stopped, its scope
/// taken away); not_found `seal.kind`; permission_denied `api.documents.not_issuer`; not_found
/// `api.documents.no_subject`; those of seal::Templates::draft and seal::Issuer::issue.
base::Result<seal::Batches::Made> issue_batch_line(Services& services, Upstairs& rooms,
                                                   const std::string& client,
                                                   const seal::BatchLine& line,
                                                   const std::string& idempotency_key);

/// Threads that work on batches, one document at a time each, while it lives.
class BatchWorkers {
 public:
  BatchWorkers(Services& services, Log& log, int count);
  ~BatchWorkers();
  BatchWorkers(const BatchWorkers&) = delete;
  BatchWorkers& operator=(const BatchWorkers&) = delete;

 private:
  void run();
  Services& services_;
  Log& log_;
  const base::Time started_;
  std::atomic<bool> go_on_ = true;
  std::vector<std::thread> threads_;
};

}  // namespace api
