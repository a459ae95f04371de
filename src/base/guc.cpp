#include "src/base/guc.hpp"

#include <arpa/inet.h>
#include <sys/un.h>

#include "contract/allowed_origins.hpp"
#include "contract/limit.hpp"
#include "contract/proxy_list.hpp"
#include "contract/redis_url.hpp"

namespace fsubs::settings {

namespace {

consteval std::array<Value, kSettingCount> Defaults() {
  std::array<Value, kSettingCount> defaults;
  for (size_t i = 0; i < kSettingCount; ++i) {
    const auto& kind = kSettings[i].value;
    if (const auto* const setting = std::get_if<BoolSetting>(&kind)) {
      defaults[i].boolean = setting->default_value;
    } else if (const auto* const setting = std::get_if<IntegerSetting>(&kind)) {
      defaults[i].integer = static_cast<int>(setting->default_value / ScaleOf(setting->unit));
    } else if (const auto* const setting = std::get_if<EnumSetting>(&kind)) {
      defaults[i].integer = setting->default_value;
    }
  }
  return defaults;
}

}  // namespace

constinit std::array<Value, kSettingCount> values = Defaults();

namespace {

bool CheckDatabase(char** value, void**, GucSource) {
  if (**value == '\0') {
    GUC_check_errdetail("The name of a database cannot be empty.");
    return false;
  }
  if (strlen(*value) >= NAMEDATALEN) {
    GUC_check_errdetail("The name of a database is shorter than %d bytes.", NAMEDATALEN);
    return false;
  }
  return true;
}

bool CheckListenAddress(char** value, void**, GucSource) {
  in6_addr address;
  if (inet_pton(AF_INET, *value, &address) == 1 || inet_pton(AF_INET6, *value, &address) == 1) {
    return true;
  }
  GUC_check_errdetail(
      "It must be one numeric IP address, such as \"127.0.0.1\", \"0.0.0.0\" or \"::\".");
  return false;
}

bool CheckAllowedOrigins(char** value, void**, GucSource) {
  const auto problem = FindOriginProblem(*value);
  if (!problem) return true;
  const int length = static_cast<int>(problem->entry.size());
  if (process_shared_preload_libraries_in_progress) {
    // To refuse it now would leave the default in force, which allows every page.
    ereport(WARNING, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
            errmsg("invalid value for parameter \"fraiseql_subs.allowed_origins\": \"%s\"", *value),
            errdetail("\"%.*s\" %s. Until this is mended no page of another host may connect.",
                      length, problem->entry.data(), problem->detail),
            errhint("%s", problem->hint));
    **value = '\0';
    return true;
  }
  GUC_check_errdetail("\"%.*s\" %s.", length, problem->entry.data(), problem->detail);
  GUC_check_errhint("%s", problem->hint);
  return false;
}

bool CheckAnonymousClaims(char** value, void**, GucSource) {
  const std::string_view claims(*value);
  const size_t first = claims.find_first_not_of(" \t\r\n");
  const bool is_object =
      first != std::string_view::npos && claims[first] == '{' &&
      pg_parse_json(MakeJsonLexer(claims.data(), claims.size(), /*need_escapes=*/false),
                    &nullSemAction) == JSON_SUCCESS;
  if (is_object) return true;
  GUC_check_errdetail("It must be a JSON object.");
  GUC_check_errhint("Write {} for none.");
  return false;
}

bool CheckKeyDirectory(char** value, void**, GucSource) {
  if (**value == '\0' || is_absolute_path(*value)) return true;
  GUC_check_errdetail("It must be an absolute path, or empty.");
  return false;
}

// Its form alone: whether there is such a function is for the database to say.
bool CheckAuthenticate(char** value, void**, GucSource) {
  if (**value == '\0') return true;
  char* const text = pstrdup(*value);
  List* parts = NIL;
  const bool is_qualified = SplitIdentifierString(text, '.', &parts) && list_length(parts) == 2;
  list_free(parts);
  pfree(text);
  if (is_qualified) return true;
  constexpr char kDetail[] = "It must be the name of a function and of its schema.";
  constexpr char kHint[] = "Write \"schema.function\", without arguments.";
  if (process_shared_preload_libraries_in_progress) {
    // To refuse it now would leave the default in force, and with it no function.
    ereport(WARNING, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
            errmsg("invalid value for parameter \"fraiseql_subs.authenticate\": \"%s\"", *value),
            errdetail("%s Until this is mended nobody can log in.", kDetail), errhint("%s", kHint));
    return true;
  }
  GUC_check_errdetail("%s", kDetail);
  GUC_check_errhint("%s", kHint);
  return false;
}

// Empty is no limit.
template <LimitForm kForm>
bool CheckLimit(char** value, void**, GucSource) {
  LimitValue read;
  const char* const problem = **value == '\0' ? nullptr : ParseLimit(kForm, *value, &read);
  if (problem == nullptr) return true;
  GUC_check_errdetail("%s", problem);
  GUC_check_errhint("%s", HintOf(kForm));
  return false;
}

// Whether the worker's configuration can hold it as it is.
bool IsPassedOn(const char* value) {
  for (const char* at = value; *at != '\0'; ++at) {
    if (*at != '"' && *at != '\\' && static_cast<unsigned char>(*at) >= ' ') continue;
    GUC_check_errdetail("It cannot have quotation marks, backslashes or control characters.");
    return false;
  }
  return true;
}

bool CheckPassedOn(char** value, void**, GucSource) {
  return IsPassedOn(*value);
}

bool CheckNamed(char** value, void**, GucSource) {
  if (**value != '\0') return IsPassedOn(*value);
  GUC_check_errdetail("It cannot be empty.");
  return false;
}

bool CheckUnixSocket(char** value, void**, GucSource) {
  if (**value == '\0') return true;
  if (**value != '/') {
    GUC_check_errdetail("The path of a socket must be absolute.");
    return false;
  }
  if (strlen(*value) >= sizeof(sockaddr_un::sun_path)) {
    GUC_check_errdetail("The path of a socket is shorter than %zu bytes.",
                        sizeof(sockaddr_un::sun_path));
    return false;
  }
  return IsPassedOn(*value);
}

// Of a bus that is no Redis anything may be its address.
bool CheckBusUrl(char** value, void**, GucSource) {
  if (strncmp(*value, "redis", strlen("redis")) != 0) return IsPassedOn(*value);
  RedisUrl url;
  const std::string problem = ParseRedisUrl(*value, &url);
  if (problem.empty()) return IsPassedOn(*value);
  if (process_shared_preload_libraries_in_progress) {
    // What PostgreSQL would write repeats the value, which may have a password in it.
    ereport(
        WARNING, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
        errmsg("invalid value for parameter \"fraiseql_subs.bus_url\""),
        errdetail("As a URL of Redis, %s. Until this is mended there is no bus.", problem.c_str()));
    **value = '\0';
    return true;
  }
  GUC_check_errdetail("As a URL of Redis, %s.", problem.c_str());
  return false;
}

// Whether one entry is "unix", an address or a network.
bool IsProxy(std::string_view entry) {
  if (entry == kUnixProxy) return true;
  const std::string_view address = AddressOfProxy(entry);
  char text[INET6_ADDRSTRLEN] = "";
  if (address.size() >= sizeof(text)) return false;
  memcpy(text, address.data(), address.size());
  in6_addr read;
  if (inet_pton(AF_INET, text, &read) == 1) return BitsOfProxy(entry, 32).has_value();
  return inet_pton(AF_INET6, text, &read) == 1 && BitsOfProxy(entry, 128).has_value();
}

bool CheckProxies(char** value, void**, GucSource) {
  std::string_view list = *value;
  for (std::string_view entry; !(entry = TakeProxy(&list)).empty();) {
    if (IsProxy(entry)) continue;
    GUC_check_errdetail(
        "\"%.*s\" is neither an IP address, nor a network such as "
        "\"10.1.0.0/16\", nor \"unix\".",
        static_cast<int>(entry.size()), entry.data());
    return false;
  }
  return true;
}

// For a setting in milliseconds that 0 turns off.
template <size_t kIndex>
bool CheckZeroOrRange(int* value, void**, GucSource) {
  constexpr const IntegerSetting& kSetting = std::get<IntegerSetting>(kSettings[kIndex].value);
  static_assert(kSetting.zero_is_off && kSetting.unit == Unit::kMilliseconds);
  if (IsWithinRange(kSetting, *value)) return true;
  GUC_check_errdetail("It must be 0, which turns it off, or at least %d ms.",
                      static_cast<int>(kSetting.min));
  return false;
}

// What a value must be beside what its kind and range demand.
struct Check {
  size_t setting;
  GucStringCheckHook string = nullptr;
  GucIntCheckHook integer = nullptr;
};

constexpr Check kChecks[] = {
    {.setting = SettingIndex("database"), .string = CheckDatabase},
    {.setting = SettingIndex("listen_address"), .string = CheckListenAddress},
    {.setting = SettingIndex("key_directory"), .string = CheckKeyDirectory},
    {.setting = SettingIndex("allowed_origins"), .string = CheckAllowedOrigins},
    {.setting = SettingIndex("anonymous_claims"), .string = CheckAnonymousClaims},
    {.setting = SettingIndex("authenticate"), .string = CheckAuthenticate},
    {.setting = SettingIndex("unix_socket"), .string = CheckUnixSocket},
    {.setting = SettingIndex("proxy_protocol_from"), .string = CheckProxies},
    {.setting = SettingIndex("ssl_cert_file"), .string = CheckNamed},
    {.setting = SettingIndex("ssl_key_file"), .string = CheckNamed},
    {.setting = SettingIndex("ssl_ca_file"), .string = CheckPassedOn},
    {.setting = SettingIndex("ssl_ciphers"), .string = CheckNamed},
    {.setting = SettingIndex("bus_url"), .string = CheckBusUrl},
    {.setting = SettingIndex("bus_ca_file"), .string = CheckPassedOn},
    {.setting = SettingIndex("node_name"), .string = CheckPassedOn},
    {.setting = SettingIndex("bus_max_age"),
     .integer = CheckZeroOrRange<SettingIndex("bus_max_age")>},
    {.setting = SettingIndex("keepalive_interval"),
     .integer = CheckZeroOrRange<SettingIndex("keepalive_interval")>},
    {.setting = SettingIndex("expiry_notice"),
     .integer = CheckZeroOrRange<SettingIndex("expiry_notice")>},
    {.setting = SettingIndex("stuck_timeout"),
     .integer = CheckZeroOrRange<SettingIndex("stuck_timeout")>},
};

constexpr Check CheckOf(size_t setting) {
  for (const Check& check : kChecks) {
    if (check.setting == setting) return check;
  }
  constexpr std::string_view kLimit = "limit_";
  const std::string_view name = kSettings[setting].name;
  if (name.starts_with(kLimit)) {
    for (const LimitKind& kind : kLimitKinds) {
      if (name.substr(kLimit.size()) != kind.key) continue;
      return {.setting = setting,
              .string = kind.form == LimitForm::kRate ? CheckLimit<LimitForm::kRate>
                                                      : CheckLimit<LimitForm::kNumber>};
    }
  }
  return {.setting = setting};
}

consteval bool ZeroIsChecked() {
  for (size_t i = 0; i < kSettingCount; ++i) {
    if (!std::holds_alternative<IntegerSetting>(kSettings[i].value)) continue;
    const bool zero_is_off = std::get<IntegerSetting>(kSettings[i].value).zero_is_off;
    if (zero_is_off && CheckOf(i).integer == nullptr) return false;
  }
  return true;
}

static_assert(ZeroIsChecked(), "between 0 and the range, a check must refuse");

GucContext ContextOf(ChangedBy changed_by) {
  switch (changed_by) {
    case ChangedBy::kRestart:
      return PGC_POSTMASTER;
    case ChangedBy::kReload:
      return PGC_SIGHUP;
    case ChangedBy::kSession:
      break;
  }
  return PGC_SUSET;
}

int FlagsOf(Unit unit) {
  switch (unit) {
    case Unit::kBytes:
      return GUC_UNIT_BYTE;
    case Unit::kKilobytes:
      return GUC_UNIT_KB;
    case Unit::kMilliseconds:
      return GUC_UNIT_MS;
    case Unit::kNone:
      break;
  }
  return 0;
}

// The server keeps what this returns for good.
const config_enum_entry* EntriesOf(const EnumSetting& setting) {
  const size_t size = (setting.choices.size() + 1) * sizeof(config_enum_entry);
  auto* const entries =
      static_cast<config_enum_entry*>(MemoryContextAllocZero(TopMemoryContext, size));
  for (size_t i = 0; i < setting.choices.size(); ++i) {
    const Choice& choice = setting.choices[i];
    entries[i] = {choice.name, choice.value, choice.hidden};
  }
  return entries;
}

struct Definition {
  const char* name;
  const char* sentence;
  GucContext context;
  Check check;
  int flags;  // beside those of the kind
  Value* value;
};

void DefineAs(const Definition& definition, const BoolSetting& setting) {
  DefineCustomBoolVariable(definition.name, definition.sentence, nullptr,
                           &definition.value->boolean, setting.default_value, definition.context,
                           definition.flags, nullptr, nullptr, nullptr);
}

void DefineAs(const Definition& definition, const IntegerSetting& setting) {
  const int64_t scale = ScaleOf(setting.unit);
  const int64_t min = setting.zero_is_off ? 0 : setting.min;
  DefineCustomIntVariable(definition.name, definition.sentence, nullptr, &definition.value->integer,
                          static_cast<int>(setting.default_value / scale),
                          static_cast<int>(min / scale), static_cast<int>(setting.max / scale),
                          definition.context, definition.flags | FlagsOf(setting.unit),
                          definition.check.integer, nullptr, nullptr);
}

void DefineAs(const Definition& definition, const StringSetting& setting) {
  DefineCustomStringVariable(definition.name, definition.sentence, nullptr,
                             &definition.value->string, setting.default_value, definition.context,
                             definition.flags, definition.check.string, nullptr, nullptr);
}

void DefineAs(const Definition& definition, const EnumSetting& setting) {
  DefineCustomEnumVariable(definition.name, definition.sentence, nullptr,
                           &definition.value->integer, setting.default_value, EntriesOf(setting),
                           definition.context, definition.flags, nullptr, nullptr, nullptr);
}

void WriteAs(const BoolSetting&, const Value& value, StringInfo out) {
  appendStringInfoString(out, value.boolean ? "true" : "false");
}

void WriteAs(const IntegerSetting& setting, const Value& value, StringInfo out) {
  appendStringInfo(out, INT64_FORMAT, value.integer * ScaleOf(setting.unit));
}

// The worker's configuration format cannot escape what is replaced here. Only the name of a
// database can have it, which the worker does no more than print.
void WriteAs(const StringSetting&, const Value& value, StringInfo out) {
  appendStringInfoChar(out, '"');
  for (const char* at = value.string; *at != '\0'; ++at) {
    const bool plain = *at != '"' && *at != '\\' && static_cast<unsigned char>(*at) >= ' ';
    appendStringInfoChar(out, plain ? *at : '?');
  }
  appendStringInfoChar(out, '"');
}

void WriteAs(const EnumSetting& setting, const Value& value, StringInfo out) {
  appendStringInfoString(out, NameOf(setting, value.integer));
}

}  // namespace

void Define() {
  for (size_t i = 0; i < kSettingCount; ++i) {
    const Setting& setting = kSettings[i];
    char name[NAMEDATALEN];
    snprintf(name, sizeof(name), "fraiseql_subs.%s", setting.name);
    const Definition definition{name,
                                setting.sentence,
                                ContextOf(setting.changed_by),
                                CheckOf(i),
                                setting.is_secret ? GUC_SUPERUSER_ONLY : 0,
                                &values[i]};
    std::visit([&](const auto& kind) { DefineAs(definition, kind); }, setting.value);
  }
  MarkGUCPrefixReserved("fraiseql_subs");
}

void WriteWorkerConfig(StringInfo out) {
  for (size_t i = 0; i < kSettingCount; ++i) {
    const Setting& setting = kSettings[i];
    if (!setting.is_worker_option) continue;
    appendStringInfo(out, "%s = ", setting.name);
    std::visit([&](const auto& kind) { WriteAs(kind, values[i], out); }, setting.value);
    appendStringInfoChar(out, '\n');
  }
}

}  // namespace fsubs::settings
