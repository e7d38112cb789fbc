#include "smtp/dkim_signature.h"

#include <algorithm>

#include "engine/base/check.h"
#include "engine/base/text.h"

namespace sluice::smtp {
namespace {

constexpr std::string_view kName = "DKIM-Signature: ";
constexpr std::string_view kFold = "\r\n ";

// Writes one field, tag by tag, folding before what would make a line too long.
class FieldWriter {
 public:
  FieldWriter() : out_(kName), line_(kName.size()) {}

  void Tag(std::string_view name, std::string_view value) {
    Piece(std::string(name) + "=" + std::string(value) + ";", true);
  }
  // "h=From:To:Subject;"
  void Names(std::span<const std::string_view> names) {
    for (size_t i = 0; i < names.size(); ++i) {
      const bool last = i + 1 == names.size();
      Piece((i == 0 ? "h=" : "") + std::string(names[i]) + (last ? ";" : ":"), i == 0);
    }
  }
  // "b=", which the signature is made over.
  void OpenSignature() { Piece("b=", true, kSignatureLineMax / 2); }
  // Octets that may be folded anywhere.
  void Base64(std::string_view text) {
    while (!text.empty()) {
      if (line_ >= kSignatureLineMax) Fold();
      const size_t n = std::min(text.size(), kSignatureLineMax - line_);
      out_ += text.substr(0, n);
      line_ += n;
      text.remove_prefix(n);
    }
  }
  const std::string& text() const { return out_; }
  std::string Take() {
    out_ += "\r\n";
    return std::move(out_);
  }

 private:
  // `room`: octets that shall follow on the same line.
  void Piece(const std::string& piece, bool spaced, size_t room = 0) {
    const bool start = line_ <= kName.size() && out_.ends_with(' ');
    const size_t space = spaced && !start ? 1 : 0;
    if (!start && line_ + space + piece.size() + room > kSignatureLineMax) {
      Fold();
    } else if (space > 0) {
      out_ += ' ';
      ++line_;
    }
    out_ += piece;
    line_ += piece.size();
  }
  void Fold() {
    out_ += kFold;
    line_ = 1;
  }

  std::string out_;
  size_t line_;
};

std::string_view AsText(const Sha256Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

Result<std::string> SignOne(const DkimSigner& signer, const DkimContent& content,
                            const SignedFields& fields, std::string_view canonical) {
  CHECK(signer.key != nullptr);
  const auto& body = signer.body == Canonical::kSimple ? content.simple_body : content.relaxed_body;
  CHECK(body.has_value());
  FieldWriter writer;
  writer.Tag("v", "1");
  writer.Tag("a", NameOf(signer.key->algorithm()));
  writer.Tag("c", std::string(NameOf(signer.header)) + "/" + std::string(NameOf(signer.body)));
  writer.Tag("d", signer.domain);
  writer.Tag("s", signer.selector);
  if (!signer.identity.empty()) writer.Tag("i", signer.identity);
  writer.Tag("t", std::to_string(content.signed_at));
  if (content.expires_at) writer.Tag("x", std::to_string(*content.expires_at));
  writer.Names(fields.names);
  writer.Tag("bh", Base64Encode(AsText(*body)));
  writer.OpenSignature();
  // The field itself is hashed last, with b= empty and without its line end.
  std::string own;
  AppendCanonicalField(signer.header, writer.text(), own);
  Sha256 sha;
  sha.Update(canonical);
  sha.Update(own);
  const Result<std::string> signature = signer.key->Sign(sha.Finish());
  if (!signature) return signature;
  writer.Base64(Base64Encode(*signature));
  return writer.Take();
}

std::string CanonicalFields(Canonical form, const SignedFields& fields) {
  std::string out;
  for (const std::string_view field : fields.fields) {
    AppendCanonicalField(form, field, out);
    out += "\r\n";
  }
  return out;
}

}  // namespace

Result<std::string> SignMessage(std::span<const DkimSigner> signers, const DkimContent& content) {
  const SignedFields fields = SelectFields(content.header, content.rules);
  std::optional<std::string> canonical[2];
  std::string out;
  for (const DkimSigner& signer : signers) {
    auto& text = canonical[size_t(signer.header)];
    if (!text) text = CanonicalFields(signer.header, fields);
    Result<std::string> field = SignOne(signer, content, fields, *text);
    if (!field) return field;
    out += *field;
  }
  return out;
}

}  // namespace sluice::smtp
