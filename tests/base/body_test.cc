// Bodies: what is appended comes back whole, in any window, and the budget counts every octet held.

#include "engine/base/body.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice {
namespace {

std::string Text(size_t size) {
  std::string text(size, '\0');
  for (size_t i = 0; i < size; ++i) text[i] = char('a' + i % 26);
  return text;
}

std::string Window(const Body& body, size_t offset, size_t length) {
  std::string out;
  body.ForEachPiece(offset, length, [&](std::string_view piece) { out.append(piece); });
  return out;
}

TEST(Body, IsEmptyAtFirst) {
  Body body(nullptr);
  EXPECT_EQ(body.size(), 0u);
  EXPECT_EQ(body.ToString(), "");
}

TEST(Body, KeepsWhatIsAppendedInPiecesOfAnySize) {
  for (const size_t step : {size_t(1), size_t(7), Body::kBlockMin, Body::kBlockMax + 1}) {
    const std::string text = Text(300'000);
    Body body(nullptr);
    for (size_t at = 0; at < text.size(); at += step) body.Append(text.substr(at, step));
    EXPECT_EQ(body.size(), text.size());
    EXPECT_EQ(body.ToString(), text) << "step " << step;
  }
}

TEST(Body, TakesOctetsInFrontOfWhatIsThere) {
  const std::string text = Text(100'000);
  BodyBudget budget(1'000'000);
  Body body(&budget);
  body.Append(text);
  const size_t before = budget.used();
  body.Prepend("");
  EXPECT_EQ(budget.used(), before);
  body.Prepend("second ");
  body.Prepend("first ");
  EXPECT_EQ(budget.used(), before + 13);
  body.Append("last");
  EXPECT_EQ(body.size(), text.size() + 17);
  EXPECT_EQ(body.ToString(), "first second " + text + "last");
  EXPECT_EQ(Window(body, 3, 12), "st second " + text.substr(0, 2));
  Body empty(nullptr);
  empty.Prepend("x");
  empty.Append("y");
  EXPECT_EQ(empty.ToString(), "xy");
}

TEST(Body, GivesWindowsAcrossBlocks) {
  const std::string text = Text(200'000);
  Body body(nullptr);
  body.Append(text.substr(0, 10));
  body.Append(text.substr(10));
  for (const size_t offset : {size_t(0), size_t(9), Body::kBlockMin - 1, size_t(100'000)}) {
    for (const size_t length : {size_t(0), size_t(1), Body::kBlockMax, size_t(100'000)})
      EXPECT_EQ(Window(body, offset, length), text.substr(offset, length))
          << offset << "+" << length;
  }
  EXPECT_EQ(Window(body, text.size(), 0), "");
}

TEST(Body, NeverGivesAnEmptyPiece) {
  Body body(nullptr);
  body.Append(Text(Body::kBlockMin));
  body.Append(Text(Body::kBlockMin));
  body.ForEachPiece(0, body.size(), [](std::string_view piece) { EXPECT_FALSE(piece.empty()); });
}

TEST(BodyDeathTest, RefusesAWindowBeyondItsEnd) {
  Body body(nullptr);
  body.Append("abc");
  EXPECT_DEATH(Window(body, 2, 2), "check failed");
  EXPECT_DEATH(Window(body, 4, 0), "check failed");
}

TEST(BodyBudget, CountsWhatLivingBodiesHoldAndNothingAfterThem) {
  BodyBudget budget(100'000);
  {
    const auto small = MakeRef<Body>(&budget);
    small->Append("x");
    EXPECT_EQ(budget.used(), Body::kBlockMin);
    EXPECT_FALSE(budget.exhausted());
    const auto large = MakeRef<Body>(&budget);
    large->Append(Text(100'000));
    EXPECT_GE(budget.used(), 100'000u);
    EXPECT_TRUE(budget.exhausted());
  }
  EXPECT_EQ(budget.used(), 0u);
  EXPECT_FALSE(budget.exhausted());
}

TEST(BodyBudget, IsNotTouchedByAnEmptyBody) {
  BodyBudget budget(1);
  const auto body = MakeRef<Body>(&budget);
  body->Append("");
  EXPECT_EQ(budget.used(), 0u);
}

}  // namespace
}  // namespace sluice
