// Unicode text: validity, normal forms, masking.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace base {

bool is_utf8(std::string_view text);
/// Normal forms C and KC; nothing when the text is not UTF-8.
std::optional<std::string> to_nfc(std::string_view text);
std::optional<std::string> to_nfkc(std::string_view text);
/// Code points; 0 when the text is not UTF-8.
std::size_t length_code_points(std::string_view text);
std::u32string to_code_points(std::string_view text);

/// 张小三 -> 张*三, 李四 -> 李*, 欧阳小明 -> 欧**明.
std::string mask_name(std::string_view name);
/// 11010519491231002X -> 110105********002X with at most `head` and `tail` characters left.
std::string mask_number(std::string_view number, std::size_t head = 6, std::size_t tail = 4);

/// For text put into a log line or a header: control bytes and non-ASCII become \xNN.
std::string printable(std::string_view text, std::size_t most = 200);
/// For text that people read on a terminal before they sign: UTF-8 stays, but for what moves the
/// cursor or turns the reading direction (control characters, Unicode's bidirectional ones), which
/// becomes \xNN like all bytes of a text that is not UTF-8.
std::string shown(std::string_view text, std::size_t most = 2000);

}  // namespace base
