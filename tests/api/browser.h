// A browser without a window: keeps cookies, sends forms as our own pages do, and each stands in a
// network of its own, so that limits counted in the shared database do not meet.
#pragma once

#include <atomic>
#include <map>
#include <string>

#include "tests/api/house.h"

namespace test {

class Browser {
 public:
  explicit Browser(House& house) : house_(house) {
    static std::atomic<int> counter{0};
    const int n = ++counter;
    network_ = "X-Forwarded-For: 10." + std::to_string(n / 250) + "." + std::to_string(n % 250) +
               ".7\r\n";
  }

  Answer get(std::string_view target) {
    return keep(house_.get(target, "Accept: text/html\r\n" + cookies()));
  }
  /// Sends a form with the token of the page that was got last.
  Answer post(std::string_view target, api::Parameters form) {
    form.insert(form.begin(), {"csrf", csrf_});
    return keep(house_.post_form(target, form,
                                 "Accept: text/html\r\nOrigin: https://si.test\r\n"
                                 "Sec-Fetch-Site: same-origin\r\n" +
                                     cookies()));
  }
  /// Sends a form of several parts, as one that may hold a file.
  Answer post_parts(std::string_view target, api::Parameters parts) {
    parts.insert(parts.begin(), {"csrf", csrf_});
    std::string body;
    for (const auto& [name, value] : parts)
      body += "--cut\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value +
              "\r\n";
    return keep(house_.ask("POST", target,
                           "Content-Type: multipart/form-data; boundary=cut\r\n"
                           "Accept: text/html\r\nOrigin: https://si.test\r\n"
                           "Sec-Fetch-Site: same-origin\r\n" +
                               cookies(),
                           body + "--cut--\r\n"));
  }
  /// At the address where certificates are shown; its cookies are the same (RFC 6265 §8.5).
  Answer get_at_mtls(std::string_view target, base::BytesView certificate) {
    return keep(house_.ask_at_mtls("GET", target, "Accept: text/html\r\n" + cookies(), "",
                                   certificate));
  }
  Answer post_at_mtls(std::string_view target, api::Parameters form, base::BytesView certificate,
                      const std::string& origin = kMtlsUrl) {
    form.insert(form.begin(), {"csrf", csrf_});
    std::string body;
    for (const auto& [name, value] : form)
      body += (body.empty() ? "" : "&") + api::percent_encode(name) + "=" +
              api::percent_encode(value);
    return keep(house_.ask_at_mtls("POST", target,
                                   "Content-Type: application/x-www-form-urlencoded\r\n"
                                   "Accept: text/html\r\nOrigin: " +
                                       origin + "\r\n" + cookies(),
                                   body, certificate));
  }
  void forget(const std::string& name) { jar_.erase(name); }
  void set(const std::string& name, std::string value) { jar_[name] = std::move(value); }
  std::string cookie(const std::string& name) const {
    const auto it = jar_.find(name);
    return it == jar_.end() ? "" : it->second;
  }
  /// The value of the hidden field `name` on the last page.
  std::string hidden(std::string_view name) const {
    const auto mark = "name=\"" + std::string(name) + "\" value=\"";
    const auto at = page_.find(mark);
    if (at == std::string::npos) return {};
    const auto begin = at + mark.size();
    auto value = page_.substr(begin, page_.find('"', begin) - begin);
    for (auto amp = value.find("&amp;"); amp != std::string::npos;
         amp = value.find("&amp;", amp + 1))
      value.erase(amp + 1, 4);
    return value;
  }

 private:
  std::string cookies() const {
    std::string out;
    for (const auto& [name, value] : jar_) out += (out.empty() ? "" : "; ") + name + "=" + value;
    return network_ + (out.empty() ? out : "Cookie: " + out + "\r\n");
  }
  Answer keep(Answer answer) {
    constexpr std::string_view kField = "\r\nSet-Cookie: ";
    for (auto at = answer.head.find(kField); at != std::string::npos;
         at = answer.head.find(kField, at + 1)) {
      const auto begin = at + kField.size();
      const auto line = answer.head.substr(begin, answer.head.find("\r\n", begin) - begin);
      const auto pair = line.substr(0, line.find(';'));
      const auto value = pair.substr(pair.find('=') + 1);
      if (value.empty())
        jar_.erase(pair.substr(0, pair.find('=')));
      else
        jar_[pair.substr(0, pair.find('='))] = value;
    }
    page_ = answer.body;
    if (auto token = hidden("csrf"); !token.empty()) csrf_ = std::move(token);
    return answer;
  }

  House& house_;
  std::map<std::string, std::string> jar_;
  std::string network_, page_, csrf_;
};

}  // namespace test
