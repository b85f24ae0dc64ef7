// Answers that a test got, to be judged all together by the OpenAPI document and a validator of
// JSON Schema that others wrote (judge_answers.py).
#pragma once

#include <fstream>
#include <mutex>
#include <string>

#include "base/json.h"
#include "test_paths.h"
#include "tests/api/raw_client.h"

namespace test {

class AnswerBook {
 public:
  void note(std::string_view method, std::string_view path, const Answer& answer) {
    base::JsonWriter w;
    w.StartObject();
    w.member("method", method);
    w.member("path", path);
    w.member("status", answer.status);
    w.member("type", answer.has("content-type") ? answer.header("content-type") : "");
    w.member("body", answer.body);
    w.EndObject();
    const std::lock_guard hold(mutex_);
    lines_ += w.text() + "\n";
  }
  /// What is wrong; empty where all is as described.
  std::string judged() const {
    if (lines_.empty()) return {};
    char name[] = "/tmp/xinyin-answers-XXXXXX";
    const int file = ::mkstemp(name);
    if (file < 0) return "no file";
    ::close(file);
    std::ofstream(name) << lines_;
    const auto root = std::string(XINYIN_SOURCE_DIR);
    const auto command = "/usr/bin/python3 -B " + root + "/tests/api/judge_answers.py " + root +
                         "/web/openapi.json " + name + " 2>&1";
    std::string out;
    if (auto* pipe = ::popen(command.c_str(), "r")) {
      char piece[4096];
      while (const auto got = std::fread(piece, 1, sizeof piece, pipe)) out.append(piece, got);
      if (::pclose(pipe) != 0) out += "\n(the judge failed)";
    } else {
      out = "no judge";
    }
    ::unlink(name);
    return out;
  }

 private:
  mutable std::mutex mutex_;  // protects lines_
  std::string lines_;
};

}  // namespace test
