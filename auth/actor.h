// Who is acting: the one value that crosses sideways from auth to the rooms beside it.
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "base/strong.h"

namespace auth {

using SubjectId = base::Strong<struct SubjectTag>;
using ClientId = base::Strong<struct ClientTag>;

/// 实名核验 level reached, and how strongly this session was authenticated.
enum class Proofing { p0 = 0, p1, p2, p3 };
enum class Authentication { none = 0, password, two_factor, hardware };

/// Can be made only by auth (the constructor is private): holding one means that a token or session
/// was checked. Immutable.
class Actor {
 public:
  const SubjectId& subject() const { return subject_; }
  /// The subject on whose behalf the actor acts (授权代办); itself in ordinary life.
  const SubjectId& acting_for() const { return acting_for_; }
  const ClientId& client() const { return client_; }
  Proofing proofing() const { return proofing_; }
  Authentication authentication() const { return authentication_; }
  base::Time authenticated_at() const { return authenticated_at_; }
  bool acts_for_another() const { return acting_for_ != subject_; }
  /// Under which mandate; empty: for himself.
  const std::string& mandate() const { return mandate_; }
  /// Whether an item is his to do: his own always, another's where the mandate names it.
  bool may(std::string_view item) const;
  /// Whose rows these are: acting_for, or somebody who was merged into it (LD/T 01-2020 6.2.1).
  bool is_holder(std::string_view subject) const;
  /// All of them, acting_for first, separated by spaces.
  const std::string& holders() const { return holders_; }
  bool has_scope(std::string_view scope) const;  ///< scopes is space-separated, RFC 6749 §3.3
  const std::string& scopes() const { return scopes_; }

 private:
  friend class ActorFactory;  // auth/actor.cpp, used by auth alone; tests/support makes test actors
  Actor() = default;
  SubjectId subject_, acting_for_;
  ClientId client_;
  Proofing proofing_ = Proofing::p0;
  Authentication authentication_ = Authentication::none;
  base::Time authenticated_at_;
  std::string scopes_, mandate_, items_, holders_;
};

}  // namespace auth
