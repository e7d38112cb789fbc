#include "engine/tls_report/gzip.h"

#include <zlib.h>

#include "engine/base/check.h"

namespace sluice::engine {
namespace {

// deflateInit2: the largest window, and 16 more for the header of gzip.
constexpr int kGzipWindow = 15 + 16;
constexpr int kMemoryLevel = 8;  // zlib's own default

}  // namespace

std::string Gzip(std::string_view text) {
  CHECK(text.size() <= UINT32_MAX);
  z_stream stream{};
  CHECK(deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipWindow, kMemoryLevel,
                     Z_DEFAULT_STRATEGY) == Z_OK);
  std::string in(text);  // zlib takes what is not constant
  std::string out(deflateBound(&stream, uLong(in.size())), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = uInt(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = uInt(out.size());
  CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  CHECK(deflateEnd(&stream) == Z_OK);
  return out;
}

}  // namespace sluice::engine
