// Packed entries live in an arena and are never changed or freed while the snapshot lives: a reader
// that holds a pointer to an outdated one reads what was true a moment ago. What a change leaves
// behind is some 300 bytes; documents change once or twice in their lives.
#include "verify/snapshot.h"

#include <atomic>
#include <cstring>
#include <deque>
#include <limits>
#include <mutex>
#include <unordered_set>

#include "base/check.h"

namespace verify {
namespace {

constexpr int kPage = 4096;
constexpr std::size_t kChunkBytes = 1 << 20;
constexpr std::size_t kFirstSlots = 1 << 10;
constexpr std::int64_t kNoTime = std::numeric_limits<std::int64_t>::min();

std::int64_t to_micros(const std::optional<base::Time>& at) {
  return at ? at->time_since_epoch().count() : kNoTime;
}
std::optional<base::Time> from_micros(std::int64_t micros) {
  if (micros == kNoTime) return {};
  return base::Time(std::chrono::microseconds(micros));
}

/// An entry, packed; its texts follow it in memory, each behind its length.
struct Packed {
  CodeDigest code;
  base::Digest file_sha256;
  std::int64_t issued_at, valid_until, standing_since, file_bytes, change;
  const std::string *kind, *issuer, *issuer_code;  // shared among entries
  std::uint32_t pass;  // of the writer alone: when it was last confirmed
  std::uint32_t text_bytes;
  Standing standing;

  std::string_view texts() const { return {reinterpret_cast<const char*>(this + 1), text_bytes}; }
};
static_assert(std::is_trivially_copyable_v<Packed>);

void put(std::string& out, std::string_view text) {
  const auto size = static_cast<std::uint32_t>(text.size());
  out.append(
      {static_cast<char>(size), static_cast<char>(size >> 8), static_cast<char>(size >> 16)});
  out.append(text);
}

std::string take(std::string_view& texts) {
  const auto octet = [&](std::size_t i) {
    return std::size_t{static_cast<std::uint8_t>(texts[i])};
  };
  const std::size_t size = octet(0) | octet(1) << 8 | octet(2) << 16;
  std::string text(texts.substr(3, size));
  texts.remove_prefix(3 + size);
  return text;
}

std::string texts_of(const Entry& entry) {
  std::string texts;
  put(texts, entry.id.value());
  put(texts, entry.standing_reason);
  put(texts, entry.successor ? entry.successor->value() : std::string());
  for (const MaskedFact& fact : entry.facts) {
    put(texts, fact.label);
    put(texts, fact.value);
  }
  return texts;
}

std::shared_ptr<const Entry> unpack(const Packed& packed) {
  auto entry = std::make_shared<Entry>();
  entry->code = packed.code;
  entry->file_sha256 = packed.file_sha256;
  entry->issued_at = *from_micros(packed.issued_at);
  entry->valid_until = from_micros(packed.valid_until);
  entry->standing_since = from_micros(packed.standing_since);
  entry->file_bytes = packed.file_bytes;
  entry->change = packed.change;
  entry->kind = *packed.kind;
  entry->issuer = *packed.issuer;
  entry->issuer_code = *packed.issuer_code;
  entry->standing = packed.standing;
  std::string_view texts = packed.texts();
  entry->id = DocumentId(take(texts));
  entry->standing_reason = take(texts);
  if (auto successor = take(texts); !successor.empty())
    entry->successor = DocumentId(std::move(successor));
  while (!texts.empty()) {
    auto label = take(texts);
    entry->facts.push_back({std::move(label), take(texts)});
  }
  return entry;
}

/// Stands where an entry was taken out.
const Packed kRemoved{};

/// An open hash table from the digest at `Key` to entries. Digests are evenly spread as they are.
/// One writer, any number of readers: a slot is filled once and then only exchanged for another
/// entry of the same key, or for kRemoved; a table that is full is replaced by a bigger copy and
/// kept for those who are still reading in it.
template <auto Key>
class Table {
 public:
  using Digest = std::remove_cvref_t<decltype(std::declval<Packed>().*Key)>;

  Table() { grow(kFirstSlots); }

  const Packed* find(const Digest& key) const {
    const Slots& slots = *current_.load(std::memory_order_acquire);
    for (std::size_t at = start(key) & slots.mask;; at = (at + 1) & slots.mask) {
      const Packed* entry = slots.entries[at].load(std::memory_order_acquire);
      if (entry == nullptr) return nullptr;
      if (entry != &kRemoved && entry->*Key == key) return entry;
    }
  }

  void put(const Packed* entry) {
    Slots* slots = current_.load(std::memory_order_relaxed);
    if ((used_ + 1) * 10 > (slots->mask + 1) * 7) slots = grow((slots->mask + 1) * 2);
    place(*slots, entry);
  }

  /// Calls keep(entry) for each; takes out those it says no to. Returns how many were taken out.
  template <class Keep>
  std::size_t sweep(Keep keep) {
    Slots& slots = *current_.load(std::memory_order_relaxed);
    std::size_t removed = 0;
    for (std::size_t at = 0; at <= slots.mask; ++at) {
      const Packed* entry = slots.entries[at].load(std::memory_order_relaxed);
      if (entry == nullptr || entry == &kRemoved || keep(*entry)) continue;
      slots.entries[at].store(&kRemoved, std::memory_order_release);
      ++removed;
    }
    return removed;
  }

  std::size_t memory_bytes() const {
    std::size_t bytes = 0;
    for (const auto& slots : all_) bytes += (slots->mask + 1) * sizeof(std::atomic<const Packed*>);
    return bytes;
  }

 private:
  struct Slots {
    std::size_t mask;
    std::unique_ptr<std::atomic<const Packed*>[]> entries;
  };

  static std::size_t start(const Digest& key) {
    std::uint64_t value;
    std::memcpy(&value, key.data(), sizeof value);
    return static_cast<std::size_t>(value);
  }

  void place(Slots& slots, const Packed* entry) {
    std::size_t at = start(entry->*Key) & slots.mask;
    for (;; at = (at + 1) & slots.mask) {
      const Packed* there = slots.entries[at].load(std::memory_order_relaxed);
      if (there == nullptr) {
        ++used_;
        break;
      }
      if (there != &kRemoved && there->*Key == entry->*Key) break;
    }
    slots.entries[at].store(entry, std::memory_order_release);
  }

  Slots* grow(std::size_t size) {
    auto bigger = std::make_unique<Slots>();
    bigger->mask = size - 1;
    bigger->entries = std::make_unique<std::atomic<const Packed*>[]>(size);
    used_ = 0;
    if (const Slots* old = current_.load(std::memory_order_relaxed))
      for (std::size_t at = 0; at <= old->mask; ++at) {
        const Packed* entry = old->entries[at].load(std::memory_order_relaxed);
        if (entry != nullptr && entry != &kRemoved) place(*bigger, entry);
      }
    all_.push_back(std::move(bigger));
    current_.store(all_.back().get(), std::memory_order_release);
    return all_.back().get();
  }

  std::atomic<Slots*> current_{nullptr};
  std::vector<std::unique_ptr<Slots>> all_;
  std::size_t used_ = 0;  // slots of the current table that are not null
};

}  // namespace

struct Snapshot::Impl {
  mutable std::mutex writing;  // protects all below but the reading side of the tables
  Table<&Packed::code> by_code;
  Table<&Packed::file_sha256> by_file;
  std::deque<std::unique_ptr<std::byte[]>> chunks;
  std::size_t chunk_bytes = 0, chunk_left = 0;
  std::unordered_set<std::string> shared_texts;  // nodes stay where they are
  std::uint32_t pass = 0;
  bool whole_pass = false;  // reading everything anew
  std::atomic<std::size_t> count{0};
  std::atomic<std::int64_t> newest{0};

  Cursor cursor;  // of follow() alone

  void* room_for(std::size_t bytes) {
    bytes = (bytes + alignof(Packed) - 1) / alignof(Packed) * alignof(Packed);
    if (bytes > chunk_left) {
      chunk_left = std::max(bytes, kChunkBytes);
      chunks.push_back(std::make_unique<std::byte[]>(chunk_left));
      chunk_bytes += chunk_left;
      at = chunks.back().get();
    }
    void* room = at;
    at += bytes;
    chunk_left -= bytes;
    return room;
  }
  std::byte* at = nullptr;

  const std::string* shared(const std::string& text) { return &*shared_texts.insert(text).first; }

  void apply(const Entry& entry) {
    auto* known = const_cast<Packed*>(by_code.find(entry.code));
    // After a change of history numbers may run lower than before: what is read then is what holds.
    const bool unconfirmed = whole_pass && known != nullptr && known->pass != pass;
    if (known != nullptr && entry.change <= known->change && (!unconfirmed || entry.change == 0))
      return;
    const std::string texts = texts_of(entry);
    if (unconfirmed && known->change == entry.change && known->standing == entry.standing &&
        known->standing_since == to_micros(entry.standing_since) && known->texts() == texts) {
      known->pass = pass;
      return;
    }
    auto* packed = new (room_for(sizeof(Packed) + texts.size()))
        Packed{entry.code,
               entry.file_sha256,
               to_micros(entry.issued_at),
               to_micros(entry.valid_until),
               to_micros(entry.standing_since),
               entry.file_bytes,
               entry.change,
               shared(entry.kind),
               shared(entry.issuer),
               shared(entry.issuer_code),
               pass,
               static_cast<std::uint32_t>(texts.size()),
               entry.standing};
    std::memcpy(packed + 1, texts.data(), texts.size());
    by_file.put(packed);
    by_code.put(packed);
    if (known == nullptr) count.fetch_add(1, std::memory_order_relaxed);
    if (entry.change > newest.load(std::memory_order_relaxed))
      newest.store(entry.change, std::memory_order_relaxed);
  }

  void forget_unconfirmed() {
    const auto confirmed = [&](const Packed& entry) { return entry.pass == pass; };
    count.fetch_sub(by_code.sweep(confirmed), std::memory_order_relaxed);
    by_file.sweep(confirmed);
  }
};

Snapshot::Snapshot() : impl_(std::make_unique<Impl>()) {}
Snapshot::~Snapshot() = default;

std::shared_ptr<const Entry> Snapshot::find(const CodeDigest& code) const {
  const Packed* packed = impl_->by_code.find(code);
  return packed ? unpack(*packed) : nullptr;
}

std::shared_ptr<const Entry> Snapshot::find_by_file(const base::Digest& file_sha256) const {
  const Packed* packed = impl_->by_file.find(file_sha256);
  return packed ? unpack(*packed) : nullptr;
}

void Snapshot::apply(const Entry& entry) {
  const std::lock_guard lock(impl_->writing);
  impl_->apply(entry);
}

base::Result<std::size_t> Snapshot::follow(Register& documents) {
  std::size_t taken = 0;
  for (;;) {
    BASE_TRY(const Changes changes, documents.changes(impl_->cursor, kPage));
    const std::lock_guard lock(impl_->writing);
    if (changes.restarted) {
      ++impl_->pass;
      impl_->whole_pass = true;
      impl_->newest.store(0, std::memory_order_relaxed);
    }
    for (const Entry& entry : changes.entries) impl_->apply(entry);
    taken += changes.entries.size();
    if (!changes.finished) continue;
    if (std::exchange(impl_->whole_pass, false)) impl_->forget_unconfirmed();
    return taken;
  }
}

std::size_t Snapshot::size() const {
  return impl_->count.load(std::memory_order_relaxed);
}

std::int64_t Snapshot::newest_change() const {
  return impl_->newest.load(std::memory_order_relaxed);
}

std::size_t Snapshot::memory_bytes() const {
  const std::lock_guard lock(impl_->writing);
  return impl_->chunk_bytes + impl_->by_code.memory_bytes() + impl_->by_file.memory_bytes();
}

}  // namespace verify
