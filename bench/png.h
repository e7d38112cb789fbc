// bench/png.h — a picture of lines, written as PNG: curves that a benchmark measured, to be looked at.

#ifndef SLUICE_BENCH_PNG_H_
#define SLUICE_BENCH_PNG_H_

#include <png.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
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
    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    image.width = png_uint_32(width_);
    image.height = png_uint_32(height_);
    image.format = PNG_FORMAT_RGB;
    return png_image_write_to_file(&image, file.c_str(), 0, pixels_.data(), 0, nullptr) != 0;
  }

 private:
  const int width_;
  const int height_;
  std::vector<Colour> pixels_;
};

}  // namespace sluice::bench

#endif  // SLUICE_BENCH_PNG_H_
