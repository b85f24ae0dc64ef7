// xinyin secrets create: the two secrets that an installation makes once and must not lose.
//
// The code pepper is plain (32 bytes as hex): verification needs it while the token is away. The
// data key is wrapped by the token under the name "data-key": a stolen disk opens nothing.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "api/cli/officer.h"
#include "base/encoding.h"
#include "base/json.h"
#include "base/unique_fd.h"

namespace cli {
namespace {

constexpr std::size_t kSecretBytes = 32;

base::Error file_failure(const std::filesystem::path& file, std::string why) {
  auto failure =
      base::error(base::Code::unavailable, "cli.secret_file", file.string() + ": " + why);
  failure.args = {{"path", file.string()}, {"why", std::move(why)}};
  return failure;
}

/// Whole and durable or not there; never over another file, whoever made that in between.
base::Result<void> create(const std::filesystem::path& file, base::BytesView content) {
  std::error_code ignored;
  if (std::filesystem::create_directories(file.parent_path(), ignored))
    ::chmod(file.parent_path().c_str(), 0700);
  auto temporary = file;
  temporary += ".new";
  ::unlink(temporary.c_str());
  {
    const base::UniqueFd fd(
        ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd) return file_failure(temporary, std::strerror(errno));
    if (::write(fd.get(), content.data(), content.size()) != static_cast<ssize_t>(content.size()) ||
        ::fsync(fd.get()) != 0)
      return file_failure(temporary, std::strerror(errno));
  }
  const bool linked = ::link(temporary.c_str(), file.c_str()) == 0;
  const int why = errno;
  ::unlink(temporary.c_str());
  if (!linked) return file_failure(file, std::strerror(why));
  return {};
}

base::Result<void> create_pepper(Context& context, const std::filesystem::path& file) {
  auto bytes = context.random().bytes(kSecretBytes);
  auto text = base::to_hex(bytes) + "\n";
  const base::Secret secret(base::as_bytes(text));
  base::wipe(bytes);
  base::wipe({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
  return create(file, secret.reveal());
}

base::Result<void> create_data_key(Context& context, const Config& config) {
  hsm::Client signer({config.signer.socket, config.signer.deadline, 1});  // the service's door
  auto bytes = context.random().bytes(kSecretBytes);
  const base::Secret secret(bytes);
  base::wipe(bytes);
  BASE_TRY(const auto wrapped, signer.wrap("data-key", secret));
  // Proven before anything is encrypted under it.
  BASE_TRY(const auto again, signer.unwrap("data-key", wrapped));
  if (!again.equals(secret.reveal())) return base::error(base::Code::internal, "cli.wrap_broken");
  return create(config.data_key_file, wrapped);
}

base::Result<Answer> create_secrets(Context& context, bool missing_only, bool dry_run) {
  BASE_TRY(const auto* config, context.config());
  const std::pair<const char*, std::filesystem::path> files[] = {
      {"code-pepper", config->code_pepper_file}, {"data-key", config->data_key_file}};
  for (const auto& [name, file] : files) {
    std::error_code ignored;
    if (missing_only || !std::filesystem::exists(file, ignored)) continue;
    auto failure = base::error(base::Code::conflict, "cli.secret_exists", file.string());
    failure.args = {{"path", file.string()}};
    return failure;
  }
  base::JsonWriter out;
  out.StartObject();
  std::string text;
  for (const auto& [name, file] : files) {
    std::error_code ignored;
    const bool there = std::filesystem::exists(file, ignored);
    if (!there && !dry_run) {
      const auto done = std::string_view(name) == "data-key" ? create_data_key(context, *config)
                                                             : create_pepper(context, file);
      if (!done) return done.error();
    }
    out.member(name, there ? "kept" : dry_run ? "would_be_created" : "created");
    text += (text.empty() ? "" : "\n") +
            std::string(there     ? "保留 kept     "
                        : dry_run ? "将创建 would be created  "
                                  : "已创建 created  ") +
            file.string();
  }
  out.EndObject();
  if (dry_run) return Answer{out.text(), text, kDone};
  text +=
      "\n请立即备份：丢失后防伪码与加密数据无法恢复 · back them up: without them codes and "
      "encrypted "
      "fields are lost";
  return Answer{out.text(), text, kDone};
}

}  // namespace

void register_secrets(CLI::App& app, Context& context) {
  auto* noun = app.add_subcommand("secrets", "the code pepper and the data key");
  noun->require_subcommand(1);
  auto* created = noun->add_subcommand("create", "make both; never overwrites one that is there");
  const auto missing_only = std::make_shared<bool>(false);
  created->add_flag("--missing", *missing_only, "make only what is missing, keep the rest");
  const auto dry_run = std::make_shared<bool>(false);
  created->add_flag("--dry-run", *dry_run, "say which would be made, make none");
  created->callback([&context, missing_only, dry_run] {
    context.run([&] { return create_secrets(context, *missing_only, *dry_run); });
  });
}

}  // namespace cli
