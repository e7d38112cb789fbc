// config/reader.h — reads values of a document into typed members, collecting every problem.
//
// FLOW      parser.cc walks the document and calls ReadTable for each section; the rows of keys.cc
//           call the ReadValue overload that fits their member's type.

#ifndef SLUICE_CONFIG_READER_H_
#define SLUICE_CONFIG_READER_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/document.h"
#include "config/keys.h"
#include "config/problem.h"
#include "config/syntax.h"

namespace sluice::config {

class Reader {
 public:
  // `folder` is where relative paths start.
  Reader(std::string file, std::string folder)
      : file_(std::move(file)), folder_(std::move(folder)) {}

  void Fail(Position at, std::string key, std::string what) {
    errors_.push_back({file_, at, std::move(key), std::move(what)});
  }
  void Warn(Position at, std::string key, std::string what) {
    warnings_.push_back({file_, at, std::move(key), std::move(what)});
  }
  // Reads every key of `table` into the section's struct; unknown and missing keys are errors.
  void ReadTable(const Section& section, const std::string& path, const Value& table, void* out);

  const std::string& folder() const { return folder_; }
  Problems& errors() { return errors_; }
  Problems& warnings() { return warnings_; }

 private:
  // Constant after construction.
  const std::string file_;
  const std::string folder_;

  Problems errors_;
  Problems warnings_;
};

// Each reports what is wrong to the reader and then leaves `out` alone.
void ReadValue(Reader&, const Key&, const std::string& path, const Value&, std::string& out);
void ReadValue(Reader&, const Key&, const std::string& path, const Value&, bool& out);
void ReadValue(Reader&, const Key&, const std::string& path, const Value&, uint16_t& out);
void ReadValue(Reader&, const Key&, const std::string& path, const Value&, uint32_t& out);
void ReadValue(Reader&, const Key&, const std::string& path, const Value&, uint64_t& out);
void ReadValue(Reader&, const Key&, const std::string& path, const Value&, Duration& out);
void ReadValue(Reader&, const Key&, const std::string& path, const Value&,
               std::optional<Duration>& out);
void ReadValue(Reader&, const Key&, const std::string& path, const Value&,
               std::vector<Duration>& out);
void ReadValue(Reader&, const Key&, const std::string& path, const Value&,
               std::optional<IpAddress>& out);
void ReadValue(Reader&, const Key&, const std::string& path, const Value&,
               std::optional<Endpoint>& out);
void ReadValue(Reader&, const Key&, const std::string& path, const Value&,
               std::vector<Endpoint>& out);
void ReadValue(Reader&, const Key&, const std::string& path, const Value&,
               std::vector<IpNetwork>& out);
void ReadValue(Reader&, const Key&, const std::string& path, const Value&,
               std::vector<std::string>& out);
void ReadValue(Reader&, const Key&, const std::string& path, const Value&,
               std::vector<LocalUser>& out);
void ReadValue(Reader&, const Key&, const std::string& path, const Value&,
               std::vector<WarmupFor>& out);
void ReadValue(Reader&, const Key&, const std::string& path, const Value&,
               std::vector<PoolMember>& out);
void ReadValue(Reader&, const Key&, const std::string& path, const Value&,
               std::vector<DkimKey>& out);
void ReadValue(Reader&, const Key&, const std::string& path, const Value&,
               std::vector<CertificateFiles>& out);
void ReadValue(Reader&, const Key&, const std::string& path, const Value&,
               std::vector<RouteHost>& out);
// The place of a kChoice value among the choices.
std::optional<size_t> ReadChoice(Reader&, const Key&, const std::string& path, const Value&);

}  // namespace sluice::config

#endif  // SLUICE_CONFIG_READER_H_
