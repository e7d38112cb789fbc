// Goal: a receiver gets a signature over what it gets: ours as it was stored, or a new one when the
// content is converted, the mail was held for over a day, or the selector is gone (design 12.10,
// protocol.md 14, 18).
// Method: deliveries to scripted hosts; a signer pool that answers in the next turn of the loop;
// the new field's tags and body hash are compared.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "engine/base/text.h"
#include "engine/delivery/delivery.h"
#include "smtp/mime_fields.h"
#include "tests/engine/delivery_world.h"
#include "tests/engine/signing_keys.h"

namespace sluice::engine {
namespace {

using testing::DeliveryWorld;
using testing::FakeLoop;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kHost[] = "192.0.2.1:25";
constexpr std::string_view kOld = "DKIM-Signature: v=1; s=old; b=stored\r\n";
constexpr std::string_view kDone = "1/0 dot 250 2.0.0; closed";

class LoopWorkers final : public Workers {
 public:
  explicit LoopWorkers(FakeLoop& loop) : loop_(loop) {}
  void Run(std::move_only_function<void()> job, std::move_only_function<void()> done) override {
    ++jobs;
    job();
    auto kept = std::make_shared<std::move_only_function<void()>>(std::move(done));
    loop_.Post([kept] { (*kept)(); });
  }
  int jobs = 0;

 private:
  FakeLoop& loop_;
};

class DeliverySigningTest : public ::testing::Test {
 protected:
  DeliverySigningTest() {
    world_.shard().signing = &signing_;
    world_.Hosts({kHost});
    config_.domains = {TestDomain("b.example", "crm")};
    UseKeys();
    message_.id = 1;
    message_.tenant = "crm";
    message_.sender = "a@b.example";
    message_.accepted = message_.released = world_.loop.Wall();
  }
  void UseKeys() { world_.shard().keyring = MakeTestKeyring(config_); }

  // A message as acceptance leaves it: `header` behind our signature, signed by the keys in force.
  Job MakeJob(const std::string& header, const std::string& body) {
    const std::string text = std::string(kOld) + header + "\r\n" + body;
    queue::Signature& signature = message_.signature;
    signature.length = uint32_t(kOld.size());
    signature.body_form = uint8_t(smtp::Canonical::kRelaxed);
    smtp::DkimBodyHash hash(smtp::Canonical::kRelaxed);
    hash.Update(body);
    signature.body_hash = hash.Finish();
    signature.selectors.clear();
    const auto keyring = MakeTestKeyring(config_);
    for (const SigningKey* key : keyring->SignersOf("crm", "b.example").keys)
      signature.selectors.push_back(key->mark);
    message_.header_length = uint32_t(text.size() - body.size());
    message_.body.length = uint32_t(text.size());
    world_.owner.stored = text;
    return DeliveryWorld::WithMessage(1, 1, message_, text);
  }
  const std::string& Taken() { return world_.net.At(kHost).messages.at(0); }
  std::string BodyHashOf(std::string_view body) {
    smtp::DkimBodyHash hash(smtp::Canonical::kRelaxed);
    hash.Update(body);
    const smtp::Sha256Digest digest = hash.Finish();
    return " bh=" + Base64Encode({reinterpret_cast<const char*>(digest.data()), digest.size()});
  }

  DeliveryWorld world_;
  LoopWorkers workers_{world_.loop};
  Signing signing_{workers_};
  config::Config config_;
  queue::Message message_;
};

constexpr char kHeader[] = "From: x@b.example\r\nSubject: s\r\n";

TEST_F(DeliverySigningTest, SendsAFreshSignatureAsItWasStored) {
  EXPECT_EQ(world_.Finish(MakeJob(kHeader, "hi\r\n")), kDone);
  EXPECT_EQ(Taken(), std::string(kOld) + kHeader + "\r\nhi\r\n");
  EXPECT_EQ(workers_.jobs, 0);
}

TEST_F(DeliverySigningTest, SignsTheConvertedFormForAReceiverWithout8BitMime) {
  world_.net.At(kHost).extensions = "PIPELINING";
  message_.flags = queue::kFlag8Bit;
  const std::string header =
      std::string("MIME-Version: 1.0\r\nContent-Type: text/plain\r\n") + kHeader;
  EXPECT_EQ(world_.Finish(MakeJob(header, "hello to all caf\xc3\xa9s\r\n")), kDone);
  EXPECT_THAT(Taken(), Not(HasSubstr(kOld)));
  EXPECT_THAT(Taken(), StartsWith("DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed; "
                                  "d=b.example; s=s1;"));
  EXPECT_THAT(Taken(), HasSubstr(BodyHashOf("hello to all caf=C3=A9s\r\n")));
  EXPECT_THAT(Taken(), HasSubstr("\r\nContent-Transfer-Encoding: quoted-printable\r\n"));
  EXPECT_EQ(workers_.jobs, 1);
}

TEST_F(DeliverySigningTest, DoesNotConvertWhatNobodyCanSignAnyMore) {
  world_.net.At(kHost).extensions = "PIPELINING";
  message_.flags = queue::kFlag8Bit;
  Job job = MakeJob(kHeader, "caf\xc3\xa9\r\n");
  config_.domains.clear();
  UseKeys();
  EXPECT_EQ(world_.Finish(std::move(job)), "1/0 local no-8bit; closed");
}

TEST_F(DeliverySigningTest, SignsAnewWhenTheSelectorHasLeftTheConfiguration) {
  for (const bool windowed : {false, true}) {
    world_.net.At(kHost).messages.clear();
    world_.owner.closed = false;
    message_.cuts = {{uint32_t(kOld.size()), 8}};  // "Bcc: x\r\n"
    config_.domains[0].dkim[0].selector = windowed ? "s1" : "s0";
    Job job = MakeJob(std::string("Bcc: x\r\n") + kHeader, ".hi\r\n");
    if (windowed) job.content = {};
    config_.domains[0].dkim[0].selector = "s2";
    UseKeys();
    EXPECT_EQ(world_.Finish(std::move(job)), kDone);
    EXPECT_THAT(Taken(), StartsWith("DKIM-Signature: v=1; "));
    EXPECT_THAT(Taken(), HasSubstr(" s=s2;"));
    EXPECT_THAT(Taken(), Not(HasSubstr(kOld)));
    EXPECT_THAT(Taken(), Not(HasSubstr("Bcc")));
    EXPECT_THAT(Taken(), HasSubstr(BodyHashOf(".hi\r\n")));
    EXPECT_THAT(Taken(), ::testing::EndsWith(windowed ? "\r\n..hi\r\n" : "\r\n.hi\r\n"));
  }
}

TEST_F(DeliverySigningTest, SignsAnewAndStillSaysThatTheBodyHasEightBits) {
  message_.flags = queue::kFlag8Bit;
  Job job = MakeJob(kHeader, "caf\xc3\xa9\r\n");
  config_.domains[0].dkim[0].selector = "s2";
  UseKeys();
  EXPECT_EQ(world_.Finish(std::move(job)), kDone);
  EXPECT_THAT(Taken(), HasSubstr(" s=s2;"));
  EXPECT_THAT(world_.net.At(kHost).commands[1], ::testing::EndsWith(" BODY=8BITMIME"));
}

TEST_F(DeliverySigningTest, ASignatureForOneFormIsNotPutOnAnother) {
  message_.flags = queue::kFlag8Bit;
  const std::string header =
      std::string("MIME-Version: 1.0\r\nContent-Type: text/plain\r\n") + kHeader;
  JobRun run;
  run.Take(MakeJob(header, "caf\xc3\xa9\r\n"));
  config_.domains[0].dkim[0].selector = "s2";
  UseKeys();
  std::vector<JobRun::Question> asked;
  const JobRun::Desk desk{.shard = world_.shard(),
                          .load = [](JobRun::Question, uint32_t, uint32_t) { FAIL(); },
                          .sign = [&](JobRun::Question q, SignTask) { asked.push_back(q); }};
  smtp::Capabilities receiver;
  receiver.eight_bit = true;
  EXPECT_EQ(run.Prepare(receiver, desk), JobRun::Step::kWait);
  EXPECT_TRUE(run.Signed(asked.at(0), "DKIM-Signature: of what is stored\r\n"));
  receiver.eight_bit = false;
  EXPECT_EQ(run.Prepare(receiver, desk), JobRun::Step::kWait);
  EXPECT_FALSE(run.Signed(asked.at(0), "DKIM-Signature: late\r\n"));
  EXPECT_FALSE(run.answered());
  EXPECT_TRUE(run.Signed(asked.at(1), "DKIM-Signature: of what was converted\r\n"));
  EXPECT_EQ(run.Prepare(receiver, desk), JobRun::Step::kGo);
  EXPECT_THAT(run.content().ToString(), StartsWith("DKIM-Signature: of what was converted\r\n"));
}

TEST_F(DeliverySigningTest, SignsAnewWhatWasHeldForOverADay) {
  message_.released = message_.accepted + std::chrono::hours(25);
  message_.flags = queue::kFlag8Bit;
  EXPECT_EQ(world_.Finish(MakeJob(kHeader, "caf\xc3\xa9\r\n")), kDone);
  EXPECT_THAT(Taken(), HasSubstr(" s=s1;"));
  EXPECT_THAT(Taken(), Not(HasSubstr(kOld)));
  EXPECT_THAT(world_.net.At(kHost).commands[1], ::testing::EndsWith(" BODY=8BITMIME"));
}

TEST_F(DeliverySigningTest, KeepsTheOldSignatureWhenTheDomainHasLeft) {
  Job job = MakeJob(kHeader, "hi\r\n");
  config_.domains.clear();
  UseKeys();
  EXPECT_EQ(world_.Finish(std::move(job)), kDone);
  EXPECT_THAT(Taken(), StartsWith(kOld));
}

TEST_F(DeliverySigningTest, ReturnsAJobThatIsStoppedWhileItIsSigned) {
  Job job = MakeJob(kHeader, "hi\r\n");
  config_.domains[0].dkim[0].selector = "s2";
  UseKeys();
  Delivery& delivery = world_.Start(std::move(job));
  delivery.Stop();
  world_.loop.Run();
  EXPECT_THAT(world_.Log(), Not(HasSubstr("dot")));
}

}  // namespace
}  // namespace sluice::engine
