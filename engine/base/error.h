// engine/base/error.h — operating errors as values: Result<T> and Status.
//
// PURPOSE   Everything that can fail for reasons outside our code returns one of these. The text is
//           for an operator: it names where (file, key, address) and, where possible, what to do.
// NOT HERE  A peer's 4xx or 5xx is data (smtp::Reply), never an Error. Our own mistakes are CHECKs.

#ifndef SLUICE_ENGINE_BASE_ERROR_H_
#define SLUICE_ENGINE_BASE_ERROR_H_

#include <cstdint>
#include <expected>
#include <string>
#include <utility>

namespace sluice {

enum class ErrorCode : uint8_t {
  kInvalid,   // what was given can never be right: fix it
  kNotFound,  // no such file, record, name
  kIo,        // the system said no: disk, socket, permission
  kCorrupt,   // bytes read back are not what was written
  kTooNew,    // written by a newer version
  kFull,      // out of space: disk, map, a bounded queue
  kBusy,      // somebody else holds it
  kDenied,    // we may not
  kTimeout,   // a bound on time passed
  kClosed,    // the other side, or we, ended it
};

struct Error {
  ErrorCode code;
  std::string what;
};

template <typename T>
using Result = std::expected<T, Error>;
using Status = std::expected<void, Error>;

inline std::unexpected<Error> Fail(ErrorCode code, std::string what) {
  return std::unexpected(Error{code, std::move(what)});
}

}  // namespace sluice

#endif  // SLUICE_ENGINE_BASE_ERROR_H_
