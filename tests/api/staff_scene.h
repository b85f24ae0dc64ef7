// Members of staff and citizens, and their sessions, for the tests of the console.
#pragma once

#include "auth/id_numbers.h"
#include "auth/identity_requests.h"
#include "tests/api/browser.h"

namespace test {

class StaffScene : public testing::Test {
 protected:
  struct Somebody {
    auth::SubjectId id;
    std::string login_name, number;
  };
  std::shared_ptr<api::Upstairs> rooms() { return house_.services().upstairs.get(); }
  Somebody somebody(const std::string& name = "张小三") {
    static int last = 0;
    const int n = ++last;
    Somebody out;
    out.login_name = "console." + std::to_string(::getpid()) + "." + std::to_string(n);
    char text[32];
    std::snprintf(text, sizeof text, "310104%04d0101%03d", 1910 + ::getpid() % 90, n);
    out.number = text;
    out.number += auth::citizen_check(out.number);
    const auto made = rooms()->accounts->create(
        {auth::SubjectKind::person, name, "cn-id", out.number, out.login_name, auth::Proofing::p2},
        base::Secret(base::as_bytes(std::string_view(kPassword))));
    EXPECT_TRUE(made.ok()) << made.error().key;
    out.id = *made;
    return out;
  }
  Somebody member() {
    auto out = somebody("王员");
    auth::IdentityRequests requests({house_.services().pool, *rooms()->cipher,
                                     house_.services().clock, house_.services().random});
    EXPECT_TRUE(requests.name_staff(out.id, "system:test").ok());
    return out;
  }
  /// In a session of this much proof.
  Browser browser_of(const Somebody& who, auth::Methods proven) {
    const auto opened = rooms()->sessions->open(who.id, proven);
    EXPECT_TRUE(opened.ok());
    Browser out(house_);
    out.set("__Host-xinyin_session", opened->cookie);
    return out;
  }
  Browser at_desk(const Somebody& who) {
    return browser_of(who, auth::Methods(auth::Method::password).with(auth::Method::totp));
  }
  std::string person(const Somebody& who) { return "/staff/people/" + who.id.value(); }
  std::string sql(const std::string& text) {
    const auto rows = Database::shared().sql(Role::superuser, text);
    return rows.empty() ? "" : rows[0][0];
  }
  House house_;
};

}  // namespace test
