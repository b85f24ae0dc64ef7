// A PostgreSQL of one's own: the roles and tables of an installation, reached by nobody else, gone
// at the end.
#include "store/private_cluster.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "store/audit.h"
#include "store/migrate.h"

namespace {

TEST(PrivateCluster, IsAWholeInstallationForAWhile) {
  std::string name = (std::filesystem::temp_directory_path() / "xinyin-own-XXXXXX").string();
  ASSERT_NE(::mkdtemp(name.data()), nullptr);
  ASSERT_EQ(::chmod(name.c_str(), 0711), 0);
  const std::filesystem::path place = name, database = place / "database";
  ASSERT_TRUE(std::filesystem::create_directory(database));
  ASSERT_EQ(::chmod(database.c_str(), 0700), 0);
  {
    const auto own = store::PrivateCluster::start(database);
    ASSERT_TRUE(own.ok()) << own.error().detail;
    EXPECT_TRUE(std::filesystem::exists(database / "data" / "postmaster.pid"));
    struct stat found {};
    ASSERT_EQ(::stat(database.c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 0077, 0u) << "others may enter";
    EXPECT_TRUE(store::missing_migrations((*own)->conninfo("xinyin_owner"))->empty());
    store::Pool service({.conninfo = (*own)->conninfo("xinyin_service"), .connections = 1});
    {
      auto tx = service.begin();
      ASSERT_TRUE(tx.ok()) << tx.error().detail;
      const auto now = base::SystemClock().now();
      EXPECT_TRUE(store::audit(*tx, {now, "test", "test.act", "it", "ok"}).ok());
      EXPECT_TRUE(tx->commit().ok());
    }
    // A second one in the same place is refused, and the first goes on.
    EXPECT_FALSE(store::PrivateCluster::start(database).ok());
    EXPECT_TRUE(service.begin(store::Mode::read_only).ok());
  }
  EXPECT_FALSE(std::filesystem::exists(database / "data" / "postmaster.pid")) << "it runs on";
  std::filesystem::remove_all(place);
}

}  // namespace
