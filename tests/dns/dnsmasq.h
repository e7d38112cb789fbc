// tests/dns/dnsmasq.h — a real DNS server on a free loopback port, for the life of an object.
//
// BUGS      Where dnsmasq is not installed Start() says so and the tests skip.

#ifndef SLUICE_TESTS_DNS_DNSMASQ_H_
#define SLUICE_TESTS_DNS_DNSMASQ_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "engine/base/error.h"
#include "engine/base/ip_address.h"

namespace sluice::dns {

class Dnsmasq {
 public:
  Dnsmasq() = default;
  ~Dnsmasq();  // ends the server, by its process id
  Dnsmasq(const Dnsmasq&) = delete;
  Dnsmasq& operator=(const Dnsmasq&) = delete;

  // `zone`: options that say what it knows, e.g. "--mx-host=example.com,mx.example.com,10". It asks
  // no other server. Returns when it answers.
  Status Start(const std::vector<std::string>& zone);
  Endpoint at() const { return at_; }

 private:
  pid_t pid_ = -1;
  Endpoint at_;
};

// A UDP and TCP port of 127.0.0.1 that nobody uses now.
uint16_t FreePort();

}  // namespace sluice::dns

#endif  // SLUICE_TESTS_DNS_DNSMASQ_H_
