#include "tools/commands/domain_add.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <set>
#include <utility>
#include <vector>

#include "config/edit.h"
#include "config/public_mail.h"
#include "config/syntax.h"
#include "dns/domain.h"
#include "smtp/dkim_key.h"
#include "tools/commands/check.h"
#include "tools/commands/domain_records.h"

namespace sluice::tools {
namespace {

constexpr const char* kKeyFolder = "dkim";
constexpr const char* kDefaultSelector = "s1";

// Files of ours that go again unless all went well.
class NewKeys {
 public:
  NewKeys(std::string folder, std::string owner_of)
      : folder_(std::move(folder)), owner_of_(std::move(owner_of)) {}
  ~NewKeys() {
    if (!kept_)
      for (const std::string& file : files_) ::unlink(file.c_str());
  }
  NewKeys(const NewKeys&) = delete;
  NewKeys& operator=(const NewKeys&) = delete;

  // `name` starts at the configuration's folder.
  Status Make(const std::string& name, smtp::DkimAlgorithm algorithm) {
    const std::string file = folder_ + "/" + name;
    const std::string parent = std::filesystem::path(file).parent_path().string();
    if (::mkdir(parent.c_str(), 0700) != 0 && errno != EEXIST)
      return Fail(ErrorCode::kIo, parent + ": " + std::strerror(errno));
    const smtp::DkimKey key = smtp::DkimKey::Generate(algorithm);
    if (Status written = key.WriteNew(file); !written) return written;
    files_.push_back(file);
    GiveAway(parent);
    GiveAway(file);
    return {};
  }
  void Keep() { kept_ = true; }

 private:
  // Made by root, a key must still be readable to the engine, whose user owns the queue.
  void GiveAway(const std::string& path) const {
    struct stat owner{};
    struct stat own{};
    if (::geteuid() != 0 || ::stat(owner_of_.c_str(), &owner) != 0 || owner.st_uid == 0) return;
    if (::stat(path.c_str(), &own) != 0 || own.st_uid != 0) return;
    if (::chown(path.c_str(), owner.st_uid, owner.st_gid) != 0)
      Complain(path + ": cannot be given to the engine's user: " + std::strerror(errno));
  }

  const std::string folder_;
  const std::string owner_of_;
  std::vector<std::string> files_;
  bool kept_ = false;
};

// The tenant of a domain when none is named: the only one there is.
std::string OnlyTenant(const config::Config& config) {
  std::set<std::string> tenants;
  for (const config::User& user : config.users) tenants.insert(user.tenant);
  return tenants.size() == 1 ? *tenants.begin() : "default";
}

bool IsSelector(std::string_view text) {
  return text.size() <= 63 && config::IsDomainName(std::string(text) + "._domainkey.test", true);
}

// Why this domain cannot be added; empty: it can.
std::string WhyNot(const config::Config& config, const std::string& domain) {
  if (config::IsPublicMailDomain(domain))
    return domain +
           " belongs to a public mailbox provider: receivers refuse mail From it that "
           "others send. Send From a domain of your own, with the old address in Reply-To";
  for (const config::Domain& known : config.domains)
    if (known.name == domain)
      return domain + " is in the configuration already" +
             (known.retired ? ", as retired: take `retired = true` out of its [[domain]]"
                            : ": `sluice domain records " + domain + "` prints its records");
  return {};
}

// What the command line asks for, as the configuration will have it. The error is wrong usage.
Result<config::Domain> Wanted(const DomainOptions& options, const config::Config& config) {
  config::Domain out;
  const auto name = dns::NormalizeDomain(options.domain);
  if (!name || !config::IsDomainName(*name, true))
    return Fail(ErrorCode::kInvalid,
                "\"" + options.domain + "\" is no domain name: write it as in \"example.com\"");
  out.name = *name;
  out.tenant = options.tenant.empty() ? OnlyTenant(config) : options.tenant;
  if (!options.return_path.empty()) {
    const auto path = dns::NormalizeDomain(options.return_path);
    if (!path || !config::IsDomainName(*path, true))
      return Fail(ErrorCode::kInvalid, "--return-path: \"" + options.return_path +
                                           "\" is no domain name: write \"bounces." + out.name +
                                           "\"");
    out.return_path = *path;
  }
  const std::string selector = options.selector.empty() ? kDefaultSelector : options.selector;
  if (!IsSelector(selector))
    return Fail(ErrorCode::kInvalid, "--selector: \"" + selector +
                                         "\" is no DNS label: use letters, digits and hyphens");
  const auto add = [&](const std::string& s) {
    out.dkim.push_back({s, std::string(kKeyFolder) + "/" + out.name + "." + s + ".pem"});
  };
  add(selector);
  if (options.ed25519) add(selector + "-ed25519");
  return out;
}

void TellWhatCameOfIt(const config::Config& config, const config::Domain& domain,
                      const std::string& file) {
  std::string files;
  for (const config::DkimKey& key : domain.dkim) files += (files.empty() ? "" : ", ") + key.key;
  std::fprintf(stderr,
               "%s (tenant %s) is added to %s; new key: %s\n"
               "Publish the records, then: sluice reload -c %s; sluice domain check %s -c %s\n",
               domain.name.c_str(), domain.tenant.c_str(), file.c_str(), files.c_str(),
               file.c_str(), domain.name.c_str(), file.c_str());
  const bool known =
      std::ranges::any_of(config.users,
                          [&](const config::User& user) { return user.tenant == domain.tenant; }) ||
      domain.tenant == "default";
  if (!known)
    std::fprintf(stderr, "note: no [[user]] of tenant %s is there yet to send from it\n",
                 domain.tenant.c_str());
}

// The first domain of one tenant concerns the others too.
void TellWhoIsStopped(const config::Problems& warnings) {
  for (const config::Problem& warning : warnings)
    if (warning.key == "domain") std::fprintf(stderr, "note: %s\n", warning.what.c_str());
}

int Refuse(const std::string& what, int status) {
  Complain(what);
  return status;
}

}  // namespace

int AddDomain(const DomainOptions& options) {
  const std::string file = ConfigFile(options.engine);
  const auto before = LoadOrComplain(file);
  if (!before) return 2;
  const auto wanted = Wanted(options, *before);
  if (!wanted) return Refuse(wanted.error().what, 2);
  if (const std::string why = WhyNot(*before, wanted->name); !why.empty()) return Refuse(why, 1);

  const std::string folder = std::filesystem::absolute(file).parent_path().string();
  NewKeys keys(folder, before->queue.path);
  for (const config::DkimKey& key : wanted->dkim) {
    const auto algorithm = &key == wanted->dkim.data() ? smtp::DkimAlgorithm::kRsaSha256
                                                       : smtp::DkimAlgorithm::kEd25519Sha256;
    if (Status made = keys.Make(key.key, algorithm); !made)
      return Refuse(made.error().what + "\nNothing was changed; --selector takes another name", 1);
  }
  const auto added = config::AppendToFile(file, config::DomainBlock(*wanted), CheckCertificates);
  if (!added) return Refuse(added.error().what, 1);
  keys.Keep();
  TellWhatCameOfIt(added->config, *wanted, file);
  TellWhoIsStopped(added->warnings);
  return PrintRecords(added->config, wanted->name, options.format);
}

}  // namespace sluice::tools
