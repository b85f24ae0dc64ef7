// A PKCS#11 module that forwards to another one and breaks on command: the faults of security.md
// §4.3.
//
// P11_SHIM_MODULE names the module behind it (default: SoftHSM), P11_SHIM_CONTROL a file of rules
// that is read again whenever it changes, P11_SHIM_TRACE a file that gets one line a call: name and
// result.
//   C_Sign rv=0x30 when=after every=5        one rule a line; the first that fires counts
//   keys: rv=CODE  when=before|after  delay=MS  hang=1  hang=rule (until the rules change)
//         corrupt=1  short=1 (every length in the answer is one too small)  stuck=1
//         kill=before|after
//         nth=N (that call only)  every=N  times=N (at most)
// An error injected before the call leaves no operation behind in the real module; after: the deed
// is done and its answer lost.
#include <dlfcn.h>
#include <fcntl.h>
#include <p11-kit/pkcs11.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace {

CK_FUNCTION_LIST* real = nullptr;
CK_FUNCTION_LIST shimmed;

struct Rule {
  std::string function;
  unsigned long rv = CKR_OK;
  bool after = false, hang = false, corrupt = false, stuck = false, shorter = false;
  bool hang_by_rule = false;
  bool kill_before = false, kill_after = false;
  long delay_ms = 0, nth = 0, every = 0, times = -1;
  long seen = 0, fired = 0;
  long of = 0;  // which reading of the rules
};

std::mutex lock;  // guards the rules
std::vector<Rule> rules;
struct timespec read_at {};
off_t read_size = -1;
long readings = 0;

const char* setting(const char* name, const char* fallback) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : fallback;
}

Rule parse(const std::string& line) {
  Rule rule;
  std::istringstream words(line);
  words >> rule.function;
  for (std::string word; words >> word;) {
    const auto equals = word.find('=');
    const auto key = word.substr(0, equals);
    const auto value = equals == std::string::npos ? "" : word.substr(equals + 1);
    const long number = std::strtol(value.c_str(), nullptr, 0);
    if (key == "rv") rule.rv = static_cast<unsigned long>(number);
    if (key == "when") rule.after = value == "after";
    if (key == "hang") (value == "rule" ? rule.hang_by_rule : rule.hang) = true;
    if (key == "short") rule.shorter = true;
    if (key == "corrupt") rule.corrupt = true;
    if (key == "stuck") rule.stuck = true;
    if (key == "kill") (value == "before" ? rule.kill_before : rule.kill_after) = true;
    if (key == "delay") rule.delay_ms = number;
    if (key == "nth") rule.nth = number;
    if (key == "every") rule.every = number;
    if (key == "times") rule.times = number;
  }
  return rule;
}

void reread() {
  const char* path = setting("P11_SHIM_CONTROL", "");
  struct stat now {};
  if (::stat(path, &now) != 0) {
    rules.clear();
    read_size = -1;
    return;
  }
  if (now.st_mtim.tv_sec == read_at.tv_sec && now.st_mtim.tv_nsec == read_at.tv_nsec &&
      now.st_size == read_size)
    return;
  read_at = now.st_mtim;
  read_size = now.st_size;
  ++readings;
  rules.clear();
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);)
    if (!line.empty() && line.front() != '#') rules.push_back(parse(line));
}

Rule choose(const char* function) {
  const std::scoped_lock guard(lock);
  reread();
  for (auto& rule : rules) {
    if (rule.function != function) continue;
    ++rule.seen;
    if (rule.nth != 0 && rule.seen != rule.nth) continue;
    if (rule.every != 0 && rule.seen % rule.every != 0) continue;
    if (rule.times >= 0 && rule.fired >= rule.times) continue;
    ++rule.fired;
    auto chosen = rule;
    chosen.of = readings;
    return chosen;
  }
  return {};
}

bool unchanged(long reading) {
  const std::scoped_lock guard(lock);
  reread();
  return readings == reading;
}

void trace(const char* function, CK_RV rv) {
  const char* path = setting("P11_SHIM_TRACE", "");
  if (*path == '\0') return;
  const int fd = ::open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  char line[128];
  const int size = std::snprintf(line, sizeof line, "%s 0x%lx\n", function, rv);
  (void)!::write(fd, line, static_cast<std::size_t>(size));
  ::close(fd);
}

template <class... Args>
void spoil_signature(Args...) {}
// C_Sign(session, data, data_len, signature, signature_len)
void spoil_signature(CK_SESSION_HANDLE, unsigned char*, unsigned long, unsigned char* signature,
                     unsigned long* size) {
  if (signature != nullptr && size != nullptr && *size > 0) signature[*size / 2] ^= 0x01;
}

template <class... Args>
void shorten(Args...) {}
// C_Sign, C_Encrypt, C_Decrypt
void shorten(CK_SESSION_HANDLE, unsigned char*, unsigned long, unsigned char* out,
             unsigned long* size) {
  if (out != nullptr && size != nullptr && *size > 0) --*size;
}
// C_GetAttributeValue(session, object, attributes, count)
void shorten(CK_SESSION_HANDLE, CK_OBJECT_HANDLE, CK_ATTRIBUTE* attributes, unsigned long count) {
  for (unsigned long i = 0; i < count; ++i)
    if (attributes[i].ulValueLen != CK_UNAVAILABLE_INFORMATION && attributes[i].ulValueLen > 0)
      --attributes[i].ulValueLen;
}
// C_FindObjects(session, objects, most, count)
void shorten(CK_SESSION_HANDLE, CK_OBJECT_HANDLE*, unsigned long, unsigned long* count) {
  if (count != nullptr && *count > 0) --*count;
}

template <class... Args>
void stick_random(Args...) {}
// C_GenerateRandom(session, out, size)
void stick_random(CK_SESSION_HANDLE, unsigned char* out, unsigned long size) {
  std::memset(out, 0x5a, size);
}

template <class Name, auto Member, class Function>
struct Hook;
template <class Name, auto Member, class... Args>
struct Hook<Name, Member, CK_RV (*)(Args...)> {
  static CK_RV call(Args... args) {
    const auto rule = choose(Name::text());
    if (rule.kill_before) ::raise(SIGKILL);
    while (rule.hang_by_rule && unchanged(rule.of))
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    while (rule.hang) std::this_thread::sleep_for(std::chrono::hours(1));
    if (rule.delay_ms > 0) std::this_thread::sleep_for(std::chrono::milliseconds(rule.delay_ms));
    CK_RV rv = CKR_OK;
    if (rule.rv != CKR_OK && !rule.after) {
      rv = rule.rv;
    } else {
      rv = (real->*Member)(args...);
      if (rule.corrupt) spoil_signature(args...);
      if (rule.shorter) shorten(args...);
      if (rule.stuck) stick_random(args...);
      if (rule.rv != CKR_OK) rv = rule.rv;
    }
    if (rule.kill_after) ::raise(SIGKILL);
    trace(Name::text(), rv);
    return rv;
  }
};

void hook_all() {
  shimmed = *real;
#define HOOK(name)                                                                     \
  {                                                                                    \
    struct Name {                                                                      \
      static const char* text() { return #name; }                                      \
    };                                                                                 \
    shimmed.name = &Hook<Name, &CK_FUNCTION_LIST::name, decltype(shimmed.name)>::call; \
  }
  // The calls the house makes; the others go straight through.
  HOOK(C_Initialize)
  HOOK(C_Finalize)
  HOOK(C_GetSlotList)
  HOOK(C_GetTokenInfo)
  HOOK(C_InitToken)
  HOOK(C_InitPIN)
  HOOK(C_OpenSession)
  HOOK(C_CloseSession)
  HOOK(C_Login)
  HOOK(C_FindObjectsInit)
  HOOK(C_FindObjects)
  HOOK(C_FindObjectsFinal)
  HOOK(C_GetAttributeValue)
  HOOK(C_SetAttributeValue)
  HOOK(C_CopyObject)
  HOOK(C_DestroyObject)
  HOOK(C_GenerateKey)
  HOOK(C_GenerateKeyPair)
  HOOK(C_GenerateRandom)
  HOOK(C_SignInit)
  HOOK(C_Sign)
  HOOK(C_EncryptInit)
  HOOK(C_Encrypt)
  HOOK(C_DecryptInit)
  HOOK(C_Decrypt)
#undef HOOK
}

}  // namespace

extern "C" CK_RV C_GetFunctionList(CK_FUNCTION_LIST** list) {
  if (real == nullptr) {
    void* library = ::dlopen(setting("P11_SHIM_MODULE", "/usr/lib/softhsm/libsofthsm2.so"),
                             RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) return CKR_GENERAL_ERROR;
    const auto get = reinterpret_cast<CK_C_GetFunctionList>(::dlsym(library, "C_GetFunctionList"));
    if (get == nullptr || get(&real) != CKR_OK) return CKR_GENERAL_ERROR;
    hook_all();
  }
  *list = &shimmed;
  return CKR_OK;
}
