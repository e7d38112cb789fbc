// Signs a folder of messages as submission would: content normalised, control fields cut out, all
// keys at once, in both canonical forms. For tests/integration/dkim_test.py.
//
//   dkim_signer IN OUT DOMAIN SELECTOR=KEYFILE...
//
// Writes OUT/simple/NAME and OUT/relaxed/NAME.

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "smtp/content_receiver.h"
#include "smtp/dkim_signature.h"
#include "smtp/header_scan.h"

namespace {

using namespace sluice::smtp;
namespace fs = std::filesystem;

class Collect final : public ContentSink {
 public:
  void OnContent(std::string_view piece) override { text += piece; }
  std::string text;
};

std::string Read(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

// What leaves: whole lines, CR LF, without the fields that are cut out.
std::string Leaving(const std::string& message, size_t& header_size) {
  Collect sink;
  ContentReceiver receiver;
  receiver.Begin({}, &sink);
  receiver.Chunk(message);
  receiver.Finish();
  std::string& text = sink.text;
  const size_t end = text.find("\r\n\r\n");
  header_size = end == std::string::npos ? text.size() : end + 2;
  if (end == std::string::npos) text += "\r\n";
  const HeaderFacts facts = ScanHeader(std::string_view(text).substr(0, header_size));
  for (size_t i = facts.cuts.size(); i > 0; --i) {
    text.erase(facts.cuts[i - 1].offset, facts.cuts[i - 1].length);
    header_size -= facts.cuts[i - 1].length;
  }
  return std::move(text);
}

int Run(int argc, char** argv) {
  std::vector<std::string> selectors;
  std::vector<DkimKey> keys;
  for (int i = 4; i < argc; ++i) {
    const std::string argument = argv[i];
    const size_t equals = argument.find('=');
    auto key = DkimKey::Load(argument.substr(equals + 1));
    if (!key) {
      std::fprintf(stderr, "%s\n", key.error().what.c_str());
      return 1;
    }
    selectors.push_back(argument.substr(0, equals));
    keys.push_back(std::move(*key));
  }
  for (const Canonical form : {Canonical::kSimple, Canonical::kRelaxed}) {
    const fs::path out = fs::path(argv[2]) / std::string(NameOf(form));
    fs::create_directories(out);
    std::vector<DkimSigner> signers;
    for (size_t i = 0; i < keys.size(); ++i)
      signers.push_back({argv[3], selectors[i], "", form, form, &keys[i]});
    for (const fs::directory_entry& file : fs::directory_iterator(argv[1])) {
      size_t header = 0;
      const std::string text = Leaving(Read(file.path()), header);
      DkimBodyHash hash(form);
      hash.Update(std::string_view(text).substr(header + 2));
      DkimContent content;
      content.header = std::string_view(text).substr(0, header);
      (form == Canonical::kSimple ? content.simple_body : content.relaxed_body) = hash.Finish();
      content.rules = DefaultFieldRules();
      content.signed_at = 1764064800;
      const auto made = SignMessage(signers, content);
      if (!made) return 1;
      std::ofstream(out / file.path().filename(), std::ios::binary) << *made << text;
    }
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return argc < 5 ? 2 : Run(argc, argv); }
