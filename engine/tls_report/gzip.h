// engine/tls_report/gzip.h — octets as a gzip file (RFC 1952).

#ifndef SLUICE_ENGINE_TLS_REPORT_GZIP_H_
#define SLUICE_ENGINE_TLS_REPORT_GZIP_H_

#include <string>
#include <string_view>

namespace sluice::engine {

// Without a name and a time: the same octets make the same file.
std::string Gzip(std::string_view text);

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_TLS_REPORT_GZIP_H_
