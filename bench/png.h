// bench/png.h — a picture of lines, written as PNG without a library.
//
// PURPOSE   Curves that a benchmark measured, to be looked at. 24 bits a pixel, stored without
//           compression (RFC 2083, RFC 1950).

#ifndef SLUICE_BENCH_PNG_H_
#define SLUICE_BENCH_PNG_H_

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::bench {

struct Colour {
  uint8_t red = 0;
  uint8_t green = 0;
  uint8_t blue = 0;
};

class Picture {
 public:
  Picture(int width, int height)
      : width_(width), height_(height), pixels_(size_t(width) * size_t(height), {255, 255, 255}) {}

  int width() const { return width_; }
  int height() const { return height_; }

  void Dot(int x, int y, Colour colour) {
    if (x < 0 || y < 0 || x >= width_ || y >= height_) return;
    pixels_[size_t(y) * size_t(width_) + size_t(x)] = colour;
  }
  void Line(int x0, int y0, int x1, int y1, Colour colour) {
    const int steps = std::max({1, std::abs(x1 - x0), std::abs(y1 - y0)});
    for (int i = 0; i <= steps; ++i)
      Dot(x0 + (x1 - x0) * i / steps, y0 + (y1 - y0) * i / steps, colour);
  }

  bool Write(const std::string& file) const {
    std::string out = "\x89PNG\r\n\x1a\n";
    std::string header = Big(uint32_t(width_)) + Big(uint32_t(height_));
    header += std::string("\x08\x02\x00\x00\x00", 5);
    Chunk("IHDR", header, out);
    Chunk("IDAT", Stored(Rows()), out);
    Chunk("IEND", "", out);
    std::ofstream to(file, std::ios::binary);
    to.write(out.data(), std::streamsize(out.size()));
    to.close();
    return !to.fail();
  }

 private:
  static std::string Big(uint32_t n) {
    return {char(n >> 24), char(n >> 16), char(n >> 8), char(n)};
  }

  std::string Rows() const {
    std::string out;
    for (int y = 0; y < height_; ++y) {
      out += '\0';  // no filter
      for (int x = 0; x < width_; ++x) {
        const Colour& c = pixels_[size_t(y) * size_t(width_) + size_t(x)];
        out += {char(c.red), char(c.green), char(c.blue)};
      }
    }
    return out;
  }

  // A zlib stream of stored blocks.
  static std::string Stored(const std::string& data) {
    constexpr size_t kBlock = 65'535;
    std::string out = "\x78\x01";
    uint32_t a = 1;
    uint32_t b = 0;
    for (const char c : data) {
      a = (a + uint8_t(c)) % 65'521;
      b = (b + a) % 65'521;
    }
    for (size_t at = 0; at < data.size(); at += kBlock) {
      const size_t size = std::min(kBlock, data.size() - at);
      const bool last = at + size == data.size();
      out += {char(last), char(size), char(size >> 8), char(~size), char(~size >> 8)};
      out.append(data, at, size);
    }
    return out + Big(b << 16 | a);
  }

  static void Chunk(std::string_view kind, const std::string& data, std::string& out) {
    out += Big(uint32_t(data.size()));
    const std::string body = std::string(kind) + data;
    uint32_t crc = UINT32_MAX;
    for (const char c : body) {
      crc ^= uint8_t(c);
      for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xedb88320u : 0);
    }
    out += body + Big(~crc);
  }

  const int width_;
  const int height_;
  std::vector<Colour> pixels_;
};

}  // namespace sluice::bench

#endif  // SLUICE_BENCH_PNG_H_
