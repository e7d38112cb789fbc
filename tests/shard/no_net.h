// tests/shard/no_net.h — no network, for what never touches it but wants one.

#ifndef SLUICE_TESTS_SHARD_NO_NET_H_
#define SLUICE_TESTS_SHARD_NO_NET_H_

#include <memory>
#include <string>

#include "engine/io/net.h"

namespace sluice::engine {

class NoNet final : public io::Net {
 public:
  io::Stream* Connect(const io::ConnectParams&, io::StreamEvents*) override { return nullptr; }
  Result<std::unique_ptr<io::Listener>> Listen(const Endpoint&, AcceptFn) override {
    return Fail(ErrorCode::kInvalid, "no network here");
  }
  Result<std::shared_ptr<io::TlsServerContext>> MakeTlsServer(const std::string&,
                                                              const std::string&) override {
    return Fail(ErrorCode::kInvalid, "no network here");
  }
  std::shared_ptr<io::TlsClientContext> MakeTlsClient() override { return nullptr; }
};

}  // namespace sluice::engine

#endif  // SLUICE_TESTS_SHARD_NO_NET_H_
