// What belongs to one sending domain. What the machine needs: host_check.cc.

#include "engine/domains/domain_check.h"

#include <algorithm>
#include <utility>

#include "config/public_mail.h"
#include "dns/dkim_record.h"
#include "dns/dmarc_record.h"
#include "dns/reverse.h"
#include "engine/base/check.h"
#include "engine/base/text.h"
#include "engine/domains/reach.h"
#include "engine/domains/spf_advice.h"

namespace sluice::engine {
namespace {

using dns::Fact;
using dns::Facts;
using dns::RecordType;

const char* const kAskAgain =
    "try again; if it stays, ask whoever runs the name servers of this zone";

// Starts a finding about a record.
class Judge {
 public:
  Judge(Role role, RecordType type, std::string name)
      : finding_{role, Judgement::kRight, dns::TypeText(type), std::move(name), {}, {}, {}} {}

  Finding Right(std::string what) { return Give(Judgement::kRight, std::move(what), {}, {}); }
  Finding Missing(std::string what, std::string advice, std::string publish) {
    return Give(Judgement::kMissing, std::move(what), std::move(advice), std::move(publish));
  }
  Finding Warning(std::string what, std::string advice, std::string publish) {
    return Give(Judgement::kWarning, std::move(what), std::move(advice), std::move(publish));
  }
  Finding Wrong(std::string what, std::string advice, std::string publish) {
    return Give(Judgement::kWrong, std::move(what), std::move(advice), std::move(publish));
  }
  Finding CannotTell(const Fact& fact) {
    return Give(Judgement::kCannotTell, fact.detail, kAskAgain, {});
  }

 private:
  Finding Give(Judgement judgement, std::string what, std::string advice, std::string publish) {
    finding_.judgement = judgement;
    finding_.what = std::move(what);
    finding_.advice = std::move(advice);
    finding_.publish = std::move(publish);
    return finding_;
  }
  Finding finding_;
};

bool Holds(const std::vector<std::string>& list, std::string_view item) {
  return std::ranges::find(list, item) != list.end();
}

// ---- DKIM ----

Finding CompareKey(Judge judge, const dns::DkimRecord& found, const PlannedKey& key) {
  const std::string replace = "replace the record by this one";
  if (found.public_key.empty())
    return judge.Wrong("the key is revoked (\"p=\" is empty)", replace, key.record);
  if (found.key_type != key.type)
    return judge.Wrong("says k=" + found.key_type + ", our key is " + key.type, replace,
                       key.record);
  if (found.public_key != key.public_key) {
    const bool cut = key.public_key.starts_with(found.public_key);
    return judge.Wrong(
        cut ? "the key is cut off after " + std::to_string(found.public_key.size()) + " of " +
                  std::to_string(key.public_key.size()) + " characters"
            : "holds another key than " + key.file,
        cut ? replace +
                  ", whole: where the provider's form takes 255 characters, split it into "
                  "several quoted strings of one record (`sluice domain records --zone`)"
            : replace,
        key.record);
  }
  if (!found.hashes.empty() && !Holds(found.hashes, "sha256"))
    return judge.Wrong("\"h=\" does not allow sha256, which we sign with", replace, key.record);
  if (!found.services.empty() && !Holds(found.services, "email"))
    return judge.Wrong("\"s=\" does not allow e-mail", replace, key.record);
  return judge.Right(found.testing
                         ? "is ours; \"t=y\" says that it is a test: take that out before "
                           "real mailings"
                         : "is ours");
}

std::optional<Finding> CheckKey(Facts& facts, const DomainPlan& domain, const PlannedKey& key) {
  const std::string name = key.selector + "._domainkey." + domain.domain;
  Judge judge(Role::kDkim, RecordType::kTxt, name);
  const Fact* txt = facts.Find(name, RecordType::kTxt);
  if (txt == nullptr) return std::nullopt;
  if (txt->failed()) return judge.CannotTell(*txt);
  if (!txt->found()) return judge.Missing("there is no key", "publish this TXT record", key.record);
  if (txt->records.size() > 1)
    return judge.Wrong("there are " + std::to_string(txt->records.size()) +
                           " TXT records: receivers may take any of them",
                       "delete all of them and publish this one", key.record);
  const auto found = dns::ParseDkimRecord(txt->records.front().data);
  if (!found) return judge.Wrong(found.error().what, "replace the record by this one", key.record);
  return CompareKey(judge, *found, key);
}

Finding NoKey(const DomainPlan& domain) {
  Finding out{Role::kDkim, Judgement::kMissing, {}, domain.domain, {}, {}, {}};
  out.what = "no key is configured: mail from this domain goes out unsigned";
  out.advice = "make one: openssl genrsa -out dkim/" + domain.domain +
               ".s1.pem 2048, and add dkim = [{ selector = \"s1\", key = \"dkim/" + domain.domain +
               ".s1.pem\" }] to its [[domain]]";
  return out;
}

// ---- DMARC ----

const PlannedRecord& DmarcRecordOf(const DomainPlan& domain) {
  const auto found = std::ranges::find(domain.records, Role::kDmarc, &PlannedRecord::role);
  CHECK(found != domain.records.end());
  return *found;
}

bool Reports(const dns::DmarcRecord& record, const std::string& mailbox) {
  return std::ranges::any_of(record.reports, [&](const std::string& uri) {
    return EqualsNoCase(std::string_view(uri).substr(0, uri.find('!')), "mailto:" + mailbox);
  });
}

// Whether mail of ours passes under a record that is there and can be read.
Finding JudgeAlignment(Judge judge, const DomainPlan& domain, const dns::DmarcFound& found) {
  // Our signatures are by the domain itself, so DKIM is aligned even when it must be strict.
  const bool by_dkim = !domain.keys.empty();
  const std::string policy = "p=" + std::string(PolicyText(found.record.policy));
  if (domain.return_path.empty()) return judge.Right(policy + (by_dkim ? ", aligned by DKIM" : ""));
  const bool by_spf = dns::IsAligned(domain.return_path, domain.domain, found.record.strict_spf);
  if (by_spf)
    return judge.Right(policy + (by_dkim ? ", aligned by DKIM and SPF" : ", aligned by SPF"));
  const std::string because = "the return path " + domain.return_path + " is not aligned with " +
                              domain.domain + (found.record.strict_spf ? " (\"aspf=s\")" : "");
  if (by_dkim) return judge.Right(policy + ", aligned by DKIM alone: " + because);
  return judge.Wrong(because + " and there is no DKIM key: mail fails DMARC",
                     "choose a return path below " + domain.domain, found.text);
}

std::optional<Finding> CheckDmarc(Facts& facts, const DomainPlan& domain) {
  const auto found = dns::FindDmarc(facts, domain.domain);
  if (!found) return std::nullopt;
  Judge judge(Role::kDmarc, RecordType::kTxt, found->name);
  const std::string& wanted = DmarcRecordOf(domain).value;
  using Kind = dns::DmarcFound::Kind;
  switch (found->kind) {
    case Kind::kUnknown:
      return judge.CannotTell({dns::AnswerKind::kFailure, {}, found->detail});
    case Kind::kNone:
      return judge.Missing("there is no DMARC record", "publish this TXT record", wanted);
    case Kind::kSeveral:
      return judge.Wrong("there are " + found->detail + ": receivers then ignore all of them",
                         "leave one of them", found->text);
    case Kind::kFaulty:
      return judge.Wrong(found->detail + ": receivers ignore the record", "replace it by this one",
                         wanted);
    case Kind::kFound:
      break;
  }
  Finding out = JudgeAlignment(judge, domain, *found);
  if (!IsGood(out) || domain.dmarc_reports.empty() || Reports(found->record, domain.dmarc_reports))
    return out;
  return judge.Warning(out.what + "; its reports do not go to " + domain.dmarc_reports,
                       "add mailto:" + domain.dmarc_reports +
                           " to its \"rua=\" (behind a comma where it has one already), or take "
                           "dmarc_reports out of the configuration",
                       {});
}

// RFC 7489 7.1: another domain gets reports only if it says so. Without its word receivers send
// none, and mail flows all the same.
std::optional<Finding> CheckReportConsent(Facts& facts, const DomainPlan& domain,
                                          const PlannedRecord& planned) {
  const auto dmarc = dns::FindDmarc(facts, domain.domain);
  if (!dmarc) return std::nullopt;
  // A record of the organisational domain counts for it.
  std::string name = planned.name;
  if (dmarc->kind == dns::DmarcFound::Kind::kFound) {
    CHECK(dmarc->name.starts_with("_dmarc."));
    if (!Reports(dmarc->record, domain.dmarc_reports))
      return Judge(planned.role, planned.type, name)
          .Right("is not needed: the DMARC record asks for no reports to " + domain.dmarc_reports);
    name = ReportConsentName(dmarc->name.substr(7), domain.dmarc_reports);
  }
  Judge judge(planned.role, planned.type, name);
  const Fact* txt = facts.Find(name, RecordType::kTxt);
  if (txt == nullptr) return std::nullopt;
  if (txt->failed()) return judge.CannotTell(*txt);
  const std::string to(DomainOf(domain.dmarc_reports));
  if (!txt->found())
    return judge.Missing(to + " does not agree to get reports about " + domain.domain +
                             ": receivers send none there",
                         "publish this TXT record in the zone of " + to, planned.value);
  for (const dns::Record& record : txt->records)
    if (dns::LooksLikeDmarc(record.data)) return judge.Right(to + " agrees to get reports");
  return judge.Wrong("is no DMARC record: " + txt->records.front().data.substr(0, 80),
                     "replace the record by this one", planned.value);
}

// ---- return path ----

std::optional<Finding> CheckReturnMx(Facts& facts, const DomainPlan& domain, const HostPlan& host) {
  const Fact* mx = facts.Find(domain.return_path, RecordType::kMx);
  if (mx == nullptr) return std::nullopt;
  Judge judge(Role::kReturnMx, RecordType::kMx, domain.return_path);
  const std::string wanted = "10 " + host.hostname;
  if (mx->failed()) return judge.CannotTell(*mx);
  if (!mx->found())
    return judge.Missing("there is no MX record: returned mail has nowhere to go",
                         "publish this MX record", wanted);
  std::string ours, others;
  bool pending = false;
  for (const dns::Record& record : mx->records)
    (IsOurHost(facts, host, Lower(record.data), pending) ? ours : others) += " " + record.data;
  if (pending) return std::nullopt;
  if (ours.empty())
    return judge.Wrong("leads to" + others + ", which is not this engine",
                       "replace the record by this one", wanted);
  std::string what = "leads to" + ours;
  if (!others.empty())
    what += "; also to" + others + ", where returned mail must reach an engine too";
  return judge.Right(std::move(what));
}

// What connecting finds is ReachProbe's.
Finding NobodyListens(const DomainPlan& domain) {
  Finding out{Role::kReturnReach, Judgement::kWarning, {}, domain.return_path, {}, {}, {}};
  out.what = "no [[listener]] with role \"inbound\" is configured: returned mail is not taken here";
  out.advice =
      "none while returned mail is not read (this version): mail leaves with the sender's own "
      "address; then bind such a listener to port 25";
  return out;
}

std::optional<Finding> CheckMxAddress(Facts& facts, const HostPlan& host, const IpAddress& wanted) {
  const Fact* v4 = facts.Find(host.hostname, RecordType::kA);
  const Fact* v6 = facts.Find(host.hostname, RecordType::kAaaa);
  if (v4 == nullptr || v6 == nullptr) return std::nullopt;
  Judge judge(Role::kMxAddress, dns::AddressType(wanted), host.hostname);
  if (v4->found() || v6->found())
    return judge.Right("leads to " + (v4->found() ? v4 : v6)->records.front().address.ToString());
  if (v4->failed() || v6->failed()) return judge.CannotTell(v4->failed() ? *v4 : *v6);
  return judge.Missing("the host of the MX has no address", "publish the address of this machine",
                       wanted.ToString());
}

// ---- ownership ----

std::optional<Finding> CheckOwnership(Facts& facts, const DomainPlan& domain) {
  const std::string name = "_sluice." + domain.domain;
  const Fact* txt = facts.Find(name, RecordType::kTxt);
  if (txt == nullptr) return std::nullopt;
  Judge judge(Role::kOwnership, RecordType::kTxt, name);
  if (txt->failed()) return judge.CannotTell(*txt);
  if (!txt->found())
    return judge.Missing(
        "the owner of the domain has not shown that tenant " + domain.tenant + " may use it",
        "publish this TXT record", domain.ownership);
  for (const dns::Record& record : txt->records)
    if (Trim(record.data) == domain.ownership) return judge.Right("names tenant " + domain.tenant);
  return judge.Wrong(
      "holds the token of another tenant or engine: " + txt->records.front().data.substr(0, 80),
      "add this TXT record", domain.ownership);
}

Finding CheckPublicMail(const DomainPlan& domain) {
  Finding out{Role::kPublicMail, Judgement::kRight, {}, domain.domain, {}, {}, {}};
  out.what = "is no public mailbox provider's domain";
  if (!config::IsPublicMailDomain(domain.domain)) return out;
  out.judgement = Judgement::kWrong;
  out.what = "belongs to a public mailbox provider: receivers refuse mail From it that others send";
  out.advice = "send From a domain of your own, with the old address in Reply-To";
  return out;
}

}  // namespace

std::optional<Findings> CheckDomain(Facts& facts, const DomainPlan& domain, const HostPlan& host) {
  std::vector<std::optional<Finding>> all;
  all.emplace_back(CheckPublicMail(domain));
  if (domain.keys.empty()) all.emplace_back(NoKey(domain));
  for (const PlannedKey& key : domain.keys) all.push_back(CheckKey(facts, domain, key));
  for (const PlannedRecord& record : domain.records) {
    switch (record.role) {
      case Role::kSpf:
      case Role::kReturnSpf:
        all.push_back(CheckSpfRecord(facts, record.role, record.name, host.sources, record.value));
        break;
      case Role::kDmarc:
        all.push_back(CheckDmarc(facts, domain));
        break;
      case Role::kReportConsent:
        all.push_back(CheckReportConsent(facts, domain, record));
        break;
      case Role::kReturnMx:
        all.push_back(CheckReturnMx(facts, domain, host));
        if (!host.inbound) all.emplace_back(NobodyListens(domain));
        break;
      case Role::kMxAddress:
        all.push_back(CheckMxAddress(facts, host, *IpAddress::Parse(record.value)));
        break;
      case Role::kOwnership:
        all.push_back(CheckOwnership(facts, domain));
        break;
      default:
        break;
    }
  }
  Findings out;
  for (std::optional<Finding>& finding : all) {
    if (!finding) return std::nullopt;
    out.push_back(*std::move(finding));
  }
  return out;
}

}  // namespace sluice::engine
