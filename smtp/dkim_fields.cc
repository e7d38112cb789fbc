#include "smtp/dkim_fields.h"

#include <array>

#include "engine/base/text.h"

namespace sluice::smtp {
namespace {

constexpr std::array kRules = {
    FieldRule{"From", Cover::kAlwaysOversigned},
    FieldRule{"Sender", Cover::kPresent},
    FieldRule{"Reply-To", Cover::kAlwaysOversigned},
    FieldRule{"Subject", Cover::kAlwaysOversigned},
    FieldRule{"Date", Cover::kAlwaysOversigned},
    FieldRule{"Message-ID", Cover::kAlwaysOversigned},
    FieldRule{"To", Cover::kAlwaysOversigned},
    FieldRule{"Cc", Cover::kAlwaysOversigned},
    FieldRule{"MIME-Version", Cover::kAlwaysOversigned},
    FieldRule{"Content-Type", Cover::kAlwaysOversigned},
    FieldRule{"Content-Transfer-Encoding", Cover::kAlwaysOversigned},
    FieldRule{"Content-Disposition", Cover::kPresentAndAdded},
    FieldRule{"Content-ID", Cover::kPresentAndAdded},
    FieldRule{"Content-Description", Cover::kPresentAndAdded},
    FieldRule{"Content-Language", Cover::kPresent},
    FieldRule{"In-Reply-To", Cover::kPresentAndAdded},
    FieldRule{"References", Cover::kPresentAndAdded},
    FieldRule{"Auto-Submitted", Cover::kPresentAndAdded},
    FieldRule{"Resent-Date", Cover::kPresent},
    FieldRule{"Resent-From", Cover::kPresent},
    FieldRule{"Resent-Sender", Cover::kPresent},
    FieldRule{"Resent-To", Cover::kPresent},
    FieldRule{"Resent-Cc", Cover::kPresent},
    FieldRule{"Resent-Message-ID", Cover::kPresent},
    FieldRule{"List-Id", Cover::kPresentAndAdded},
    FieldRule{"List-Unsubscribe", Cover::kPresentAndAdded},
    FieldRule{"List-Unsubscribe-Post", Cover::kPresentAndAdded},
    FieldRule{"List-Help", Cover::kPresentAndAdded},
    FieldRule{"List-Subscribe", Cover::kPresentAndAdded},
    FieldRule{"List-Post", Cover::kPresentAndAdded},
    FieldRule{"List-Owner", Cover::kPresentAndAdded},
    FieldRule{"List-Archive", Cover::kPresentAndAdded},
    FieldRule{"Feedback-ID", Cover::kPresentAndAdded},
    FieldRule{"X-Sluice-Ref", Cover::kPresentAndAdded},
};

// Added, changed or taken out by relays and receivers as a matter of course (RFC 6376 5.4.1).
constexpr std::array<std::string_view, 7> kNever = {
    "Received",       "Return-Path", "Delivered-To", "Authentication-Results",
    "DKIM-Signature", "Bcc",         "Resent-Bcc",
};
constexpr std::string_view kArcPrefix = "ARC-";

// The end of the field that begins at `at`: behind the line that no white space follows.
size_t FieldEnd(std::string_view header, size_t at) {
  while (true) {
    const size_t lf = header.find('\n', at);
    if (lf == std::string_view::npos) return header.size();
    at = lf + 1;
    if (at >= header.size() || (header[at] != ' ' && header[at] != '\t')) return at;
  }
}

std::string_view NameOfField(std::string_view field) {
  std::string_view name = field.substr(0, field.find(':'));
  while (!name.empty() && (name.back() == ' ' || name.back() == '\t')) name.remove_suffix(1);
  return name;
}

}  // namespace

std::span<const FieldRule> DefaultFieldRules() { return kRules; }

bool IsNeverSigned(std::string_view name) {
  for (const std::string_view never : kNever)
    if (EqualsNoCase(name, never)) return true;
  return StartsWithNoCase(name, kArcPrefix);
}

SignedFields SelectFields(std::string_view header, std::span<const FieldRule> rules) {
  // The fields of each rule, from the top down.
  std::vector<std::vector<std::string_view>> found(rules.size());
  for (size_t at = 0; at < header.size();) {
    const size_t end = FieldEnd(header, at);
    const std::string_view field = header.substr(at, end - at);
    at = end;
    const std::string_view name = NameOfField(field);
    for (size_t i = 0; i < rules.size(); ++i) {
      if (!EqualsNoCase(name, rules[i].name)) continue;
      found[i].push_back(field);
      break;
    }
  }
  SignedFields out;
  for (size_t i = 0; i < rules.size(); ++i) {
    std::vector<std::string_view>& fields = found[i];
    const bool present = !fields.empty();
    while (!fields.empty() && out.names.size() < kSignedFieldsMax) {
      out.names.push_back(rules[i].name);
      out.fields.push_back(fields.back());
      fields.pop_back();
    }
    // One more than there are: nobody may add another. With some left unsigned it would name one.
    const bool over = rules[i].cover == Cover::kAlwaysOversigned ||
                      (rules[i].cover == Cover::kPresentAndAdded && present);
    if (over && fields.empty() && out.names.size() < kSignedFieldsMax)
      out.names.push_back(rules[i].name);
  }
  return out;
}

}  // namespace sluice::smtp
