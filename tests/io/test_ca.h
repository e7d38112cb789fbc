// tests/io/test_ca.h — a certificate authority of the test's own, and the TLSA records of what it
// issued.

#ifndef SLUICE_TESTS_IO_TEST_CA_H_
#define SLUICE_TESTS_IO_TEST_CA_H_

#include <memory>
#include <string>
#include <vector>

#include "engine/io/tlsa.h"

namespace sluice::io {

class TestCa {
 public:
  struct Leaf {
    std::vector<std::string> names{};  // DNS names, wildcards too
    long from_days = -1;               // from now
    long until_days = 30;
    int links = 0;       // CA certificates between the leaf and ours: they follow it in the file
    bool rsa = false;    // the leaf's key; else P-256
    std::string mail{};  // an address among the names
    int extra = 0;       // certificates that belong to nothing, behind those
  };

  // Files go to `folder`; ca_file() is there at once.
  TestCa(std::string folder, const std::string& name);
  ~TestCa();
  TestCa(const TestCa&) = delete;
  TestCa& operator=(const TestCa&) = delete;

  std::string ca_file() const;
  // Writes `folder`/`file`.pem, the chain up to but without ours, and `file`.key.
  void Issue(const std::string& file, const Leaf& leaf);

  // Of our own certificate (usage 2), or of the leaf that was issued last.
  TlsaRecord CaRecord(uint8_t selector, uint8_t matching) const;
  TlsaRecord LeafRecord(uint8_t selector, uint8_t matching) const;

 private:
  struct Parts;
  const std::string folder_;
  const std::string name_;
  std::unique_ptr<Parts> parts_;
};

}  // namespace sluice::io

#endif  // SLUICE_TESTS_IO_TEST_CA_H_
