// What is signed of any message: selected fields lie in the header and are whole, canonical forms
// hold their rules whatever the cut, and the field is made of short lines of its own.

#include <algorithm>
#include <string>

#include "engine/base/check.h"
#include "smtp/dkim_signature.h"
#include "tests/fuzz/fuzz_target.h"

namespace {

using namespace sluice::smtp;

class Collect final : public ContentSink {
 public:
  void OnContent(std::string_view piece) override { text += piece; }
  std::string text;
};

std::string Canonicalised(Canonical form, std::string_view body, size_t cut) {
  Collect sink;
  CanonicalBody canonical(form, sink);
  canonical.Update(body.substr(0, cut));
  canonical.Update(body.substr(cut));
  canonical.Finish();
  return sink.text;
}

void CheckBody(std::string_view body) {
  const std::string simple = Canonicalised(Canonical::kSimple, body, 0);
  const std::string relaxed = Canonicalised(Canonical::kRelaxed, body, 0);
  CHECK(simple == Canonicalised(Canonical::kSimple, body, body.size() / 2));
  CHECK(relaxed == Canonicalised(Canonical::kRelaxed, body, body.size() / 3));
  CHECK(simple.ends_with("\r\n"));
  CHECK(relaxed.empty() || relaxed.ends_with("\r\n"));
  CHECK(!relaxed.contains("  ") && !relaxed.contains(" \r\n") && !relaxed.contains('\t'));
  // A second time changes nothing.
  CHECK(simple == Canonicalised(Canonical::kSimple, simple, 1));
  CHECK(relaxed == Canonicalised(Canonical::kRelaxed, relaxed, relaxed.size() / 2));
}

void CheckFields(std::string_view header) {
  const SignedFields fields = SelectFields(header, DefaultFieldRules());
  CHECK(fields.names.size() <= kSignedFieldsMax);
  CHECK(fields.fields.size() <= fields.names.size());
  for (const std::string_view field : fields.fields) {
    CHECK(field.data() >= header.data());
    CHECK(field.data() + field.size() <= header.data() + header.size());
    CHECK(field.ends_with("\r\n"));
    CHECK(field.data() == header.data() || field.data()[-1] == '\n');
    std::string relaxed;
    AppendCanonicalField(Canonical::kRelaxed, field, relaxed);
    CHECK(!relaxed.contains('\n') && !relaxed.contains("  ") && !relaxed.ends_with(' '));
  }
}

const DkimKey& Key() {
  static const DkimKey key = *DkimKey::FromPem(
      "-----BEGIN PRIVATE KEY-----\n"
      "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
      "-----END PRIVATE KEY-----\n",
      "fuzz");
  return key;
}

void CheckSignature(std::string_view header) {
  DkimSigner signer;
  signer.domain = "example.com";
  signer.selector = "s1";
  signer.key = &Key();
  DkimContent content;
  content.header = header;
  content.relaxed_body = Sha256Digest{};
  content.rules = DefaultFieldRules();
  const auto made = SignMessage({&signer, 1}, content);
  CHECK(made.has_value());
  CHECK(made->ends_with("\r\n"));
  for (size_t at = 0; at < made->size();) {
    const size_t end = made->find("\r\n", at);
    CHECK(end != std::string::npos);
    CHECK(end - at <= kSignatureLineMax);
    CHECK(at == 0 || (*made)[at] == ' ');
    at = end + 2;
  }
}

}  // namespace

FUZZ_TARGET(smtp_dkim) {
  // As a receiver lets it through: whole lines.
  Collect sink;
  ContentReceiver receiver;
  receiver.Begin({}, &sink);
  receiver.Chunk(input);
  receiver.Finish();
  std::string_view header = sink.text;
  std::string_view body;
  if (header.starts_with("\r\n")) {
    body = header.substr(2);
    header = {};
  } else if (const size_t end = header.find("\r\n\r\n"); end != std::string_view::npos) {
    body = header.substr(end + 4);
    header = header.substr(0, end + 2);
  }
  CheckBody(body);
  if (!header.empty() && !header.ends_with("\r\n")) return;  // a fault cut it short
  CheckFields(header);
  CheckSignature(header);
}
