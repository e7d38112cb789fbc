// tools/blast/blast_plan.cc — see blast_plan.h.

#include "tools/blast/blast_plan.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <string_view>

#include "engine/base/random.h"
#include "engine/base/text.h"
#include "tools/base/json_text.h"

namespace sluice::tools {
namespace {

constexpr int kDomainsMax = 1'000'000;
constexpr int kRecipientsMax = 100'000;
constexpr int64_t kSizeMax = int64_t(1) << 30;

std::unexpected<Error> Wrong(std::string what) {
  return Fail(ErrorCode::kInvalid, std::move(what));
}

// Lines of at most 76 characters with some variety, as mail has.
std::string MakeBody(int64_t size, bool dots, bool eight_bit) {
  static constexpr std::string_view kWords[] = {"water", "gate",  "river", "lock",    "canal",
                                                "flow",  "level", "open",  "barrage", "mill"};
  Random random(1);
  std::string body;
  std::string line;
  for (int64_t n = 0; int64_t(body.size()) < size; ++n) {
    line.clear();
    if (dots && n % 3 == 0) line = n % 2 == 0 ? "." : "..dotted ";
    if (eight_bit && n % 5 == 0)
      line +=
          "Gr\xc3\xbc\xc3\x9f"
          "e ";
    while (line.size() < 66 && !(dots && n % 6 == 0)) {
      line += kWords[random.Below(std::size(kWords))];
      line += ' ';
    }
    while (line.ends_with(' ')) line.pop_back();
    const size_t room = size_t(size) - body.size();
    if (line.size() + 2 > room) line.assign(room > 2 ? room - 2 : 0, '-');
    body.append(line).append("\r\n");
  }
  return body;
}

std::string Stuff(std::string_view body) {
  std::string out;
  bool line_start = true;
  for (const char c : body) {
    if (line_start && c == '.') out += '.';
    out += c;
    line_start = c == '\n';
  }
  return out;
}

Result<std::string> ReadPassword(const BlastOptions& options) {
  if (!options.password.empty()) return options.password;
  if (options.password_file.empty()) {
    const char* set = std::getenv("SLUICE_BLAST_PASSWORD");
    if (set == nullptr) return Wrong("--auth needs --password-file or SLUICE_BLAST_PASSWORD");
    return std::string(set);
  }
  std::ifstream file(options.password_file);
  std::string line;
  if (!std::getline(file, line))
    return Fail(ErrorCode::kIo, options.password_file + ": cannot read a line");
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

}  // namespace

Result<DomainPicker> DomainPicker::Make(const BlastOptions& options) {
  DomainPicker picker;
  std::vector<double> weights;
  std::string_view rest = options.domains;
  while (!rest.empty()) {
    const std::string_view item = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(item.size() + 1, rest.size()));
    const size_t equals = item.find('=');
    const std::string_view name = Trim(item.substr(0, equals));
    double weight = 1;
    if (equals != std::string_view::npos) {
      const std::string_view text = Trim(item.substr(equals + 1));
      const auto end = std::from_chars(text.data(), text.data() + text.size(), weight);
      if (end.ec != std::errc() || end.ptr != text.data() + text.size() || !(weight > 0))
        return Wrong("--domains: '" + std::string(item) + "' has no weight above 0");
    }
    if (name.empty()) return Wrong("--domains: an empty name");
    picker.names_.emplace_back(name);
    weights.push_back(weight);
  }
  const int count = std::max(options.domain_count, 1);
  if (count > kDomainsMax) return Wrong("--domains-count is over 1000000");
  for (int i = 0; options.domains.empty() && i < count; ++i) {
    picker.names_.push_back("d" + std::to_string(i) + ".test");
    weights.push_back(options.zipf ? 1.0 / (i + 1) : 1.0);
  }
  double sum = 0;
  for (const double weight : weights) picker.up_to_.push_back(sum += weight);
  for (double& bound : picker.up_to_) bound /= sum;
  return picker;
}

const std::string& DomainPicker::Pick(uint64_t number) const {
  const double at = Random(number).Unit();
  const auto found = std::upper_bound(up_to_.begin(), up_to_.end(), at);
  const auto index = std::min(size_t(found - up_to_.begin()), names_.size() - 1);
  return names_[index];
}

Result<BlastPlan> BlastPlan::Make(const BlastOptions& options, WallTime now) {
  if (options.messages < 0) return Wrong("--messages is negative");
  if (options.recipients < 1 || options.recipients > kRecipientsMax)
    return Wrong("--recipients-per-message is not from 1 to 100000");
  if (options.size < 0 || options.size > kSizeMax) return Wrong("--size is over 1 GiB");
  if (options.tls != "none" && options.tls != "starttls" && options.tls != "implicit")
    return Wrong("--tls is none of: none, starttls, implicit");

  BlastPlan plan;
  auto domains = DomainPicker::Make(options);
  if (!domains) return std::unexpected(domains.error());
  plan.domains_ = *std::move(domains);
  plan.total_ = options.messages;
  plan.recipients_ = options.recipients;
  plan.run_id_ = options.run_id.empty() ? std::to_string(MicrosOf(now)) : options.run_id;
  plan.helo_ = options.helo;
  plan.before_to_ = "From: Blast <" + options.from + ">\r\nDate: " + FormatRfc5322(now) +
                    "\r\nSubject: Blast message ";
  if (!options.campaign.empty()) plan.after_seq_ = "X-Campaign: " + options.campaign + "\r\n";
  plan.after_seq_ += "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n";
  plan.after_seq_ += options.eight_bit ? "Content-Transfer-Encoding: 8bit\r\n\r\n" : "\r\n";

  BlastManner& manner = plan.manner_;
  manner.helo = options.helo;
  manner.mail_from = "<" + options.from + ">" + (options.eight_bit ? " BODY=8BITMIME" : "");
  const int64_t head = int64_t(plan.Compose(plan.total_ / 2).head.size());
  manner.body = MakeBody(options.size - head, options.dots, options.eight_bit);
  manner.stuffed_body = Stuff(manner.body);
  manner.starttls = options.tls == "starttls";
  manner.pipelining = options.pipelining;
  manner.bdat = options.bdat;
  if (!options.user.empty()) {
    const auto password = ReadPassword(options);
    if (!password) return std::unexpected(password.error());
    const std::string nul(1, '\0');
    manner.auth_plain = Base64Encode(nul + options.user + nul + *password);
  }
  return plan;
}

std::optional<BlastMessage> BlastPlan::Next() {
  if (!returned_.empty()) {
    BlastMessage message = std::move(returned_.front());
    returned_.pop_front();
    return message;
  }
  if (next_ >= total_) return std::nullopt;
  return Compose(next_++);
}

void BlastPlan::GiveBack(BlastMessage message) { returned_.push_back(std::move(message)); }

void BlastPlan::Stop() {
  next_ = total_;
  returned_.clear();
}

BlastMessage BlastPlan::Compose(int64_t seq) const {
  BlastMessage message;
  message.seq = seq;
  message.recipients.reserve(size_t(recipients_));
  for (int i = 0; i < recipients_; ++i) {
    const uint64_t number = uint64_t(seq) * uint64_t(recipients_) + uint64_t(i);
    std::string& to = message.recipients.emplace_back("u");
    AppendNumber(to, int64_t(number));
    to.append("@").append(domains_.Pick(number));
  }
  std::string& head = message.head;
  head.reserve(before_to_.size() + after_seq_.size() + 160);
  head.append(before_to_);
  AppendNumber(head, seq);
  head.append("\r\nTo: <").append(message.recipients[0]).append(">\r\nMessage-ID: <");
  AppendNumber(head, seq);
  head.append(".").append(run_id_).append("@").append(helo_).append(">\r\nX-Seq: ");
  AppendNumber(head, seq);
  head.append("\r\n").append(after_seq_);
  return message;
}

}  // namespace sluice::tools
