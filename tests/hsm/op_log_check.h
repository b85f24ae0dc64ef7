// The operation log checked by a few lines of Python that share nothing with the signer.
#pragma once

#include "tests/hsm/openssl.h"

namespace test {

/// "N lines" when the chain holds from the first line of the oldest file to the last one; else what
/// is wrong.
inline std::string check_op_log(const std::string& file) {
  static constexpr const char* kProgram = R"py(
import glob, hashlib, json, sys
name = sys.argv[1]
aside = sorted((f for f in glob.glob(name + '.*') if f.rsplit('.', 1)[1].isdigit()),
               key=lambda f: int(f.rsplit('.', 1)[1]))
prev, n = '0' * 64, 0
for path in aside + [name]:
    for line in open(path, 'rb').read().rstrip(b'\0').splitlines(keepends=True):
        assert line.endswith(b'\n'), 'torn line'
        entry = json.loads(line)
        n += 1
        assert entry['n'] == n, 'number %d at line %d' % (entry['n'], n)
        assert entry['prev'] == prev, 'broken before line %d' % n
        prev = hashlib.sha256(line[:-1]).hexdigest()
print('%d lines' % n, end='')
)py";
  return run({"/usr/bin/python3", "-c", kProgram, file}).out;
}

}  // namespace test
