#include "worker/socket/proxy_header.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <string>

namespace fsubs {
namespace {

using State = ProxyHeader::State;

constexpr std::string_view kSignature("\r\n\r\n\0\r\nQUIT\n", 12);

std::string Binary(uint8_t version_and_command, uint8_t kind, std::string_view body) {
  std::string header(kSignature);
  header += static_cast<char>(version_and_command);
  header += static_cast<char>(kind);
  header += static_cast<char>(body.size() >> 8);
  header += static_cast<char>(body.size() & 0xFF);
  return header.append(body);
}

constexpr std::string_view kTcp4Body("\xC0\x00\x02\x01\xC0\x00\x02\x02\xC3\x50\x0F\xA0", 12);

// "address:port" of the client; "-" if the header names none.
std::string ClientOf(const ProxyHeader& header) {
  if (!header.client) return "-";
  char text[INET6_ADDRSTRLEN] = "";
  const sockaddr_storage& address = *header.client;
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    inet_ntop(AF_INET, &v4.sin_addr, text, sizeof(text));
    return std::string(text) + ":" + std::to_string(ntohs(v4.sin_port));
  }
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
  inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof(text));
  return std::string(text) + ":" + std::to_string(ntohs(v6.sin6_port));
}

// Reads `header` with more behind it, and finds it incomplete wherever it is cut.
ProxyHeader ParseWhole(const std::string& header) {
  for (size_t length = 0; length < header.size(); ++length) {
    EXPECT_EQ(ParseProxyHeader(std::string_view(header).substr(0, length)).state,
              State::kIncomplete)
        << length;
  }
  const ProxyHeader alone = ParseProxyHeader(header);
  const ProxyHeader parsed = ParseProxyHeader(header + "GET / HTTP/1.1\r\n");
  EXPECT_EQ(parsed.state, alone.state);
  EXPECT_EQ(parsed.length, header.size());
  EXPECT_EQ(ClientOf(parsed), ClientOf(alone));
  return parsed;
}

TEST(ProxyHeaderTest, TextNamesTheClient) {
  const auto v4 = ParseWhole("PROXY TCP4 192.0.2.1 192.0.2.2 50000 4000\r\n");
  EXPECT_EQ(v4.state, State::kComplete);
  EXPECT_EQ(ClientOf(v4), "192.0.2.1:50000");
  const auto v6 = ParseWhole("PROXY TCP6 2001:db8::1 ::1 65535 0\r\n");
  EXPECT_EQ(v6.state, State::kComplete);
  EXPECT_EQ(ClientOf(v6), "2001:db8::1:65535");
}

TEST(ProxyHeaderTest, TextThatIsAsLongAsMayBeIsRead) {
  const std::string address = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
  EXPECT_EQ(ParseWhole("PROXY TCP6 " + address + " " + address + " 65535 65535\r\n").state,
            State::kComplete);
  EXPECT_EQ(ParseWhole("PROXY UNKNOWN " + std::string(91, 'x') + "\r\n").state, State::kComplete);
  EXPECT_EQ(ParseProxyHeader("PROXY UNKNOWN " + std::string(92, 'x') + "\r\n").state,
            State::kMalformed);
  EXPECT_EQ(ParseProxyHeader("PROXY " + std::string(101, 'x')).state, State::kMalformed);
}

TEST(ProxyHeaderTest, WhatIsUnknownNamesNobody) {
  for (const char* const header :
       {"PROXY UNKNOWN\r\n", "PROXY UNKNOWN 192.0.2.1 192.0.2.2 1 2\r\n", "PROXY UNKNOWN \r\n"}) {
    const auto parsed = ParseWhole(header);
    EXPECT_EQ(parsed.state, State::kComplete) << header;
    EXPECT_EQ(ClientOf(parsed), "-") << header;
  }
}

TEST(ProxyHeaderTest, TextThatIsWrittenOtherwiseIsMalformed) {
  for (const char* const line : {
           "PROXY TCP4 192.0.2.1 192.0.2.2 050 4000",
           "PROXY TCP4 192.0.2.1 192.0.2.2 65536 4000",
           "PROXY TCP4 192.0.2.1 192.0.2.2 -1 4000",
           "PROXY TCP4 192.0.2.1 192.0.2.2 +1 4000",
           "PROXY TCP4 192.0.2.1 192.0.2.2 1 ",
           "PROXY TCP4 192.0.2.1 192.0.2.2 1",
           "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 ",
           "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3",
           "PROXY TCP4  192.0.2.1 192.0.2.2 1 2",
           "PROXY TCP4 192.0.2.1  192.0.2.2 1 2",
           "PROXY TCP4 192.0.2.01 192.0.2.2 1 2",
           "PROXY TCP4 192.0.2 192.0.2.2 1 2",
           "PROXY TCP4 192.0.2.1 host 1 2",
           "PROXY TCP4 ::1 ::1 1 2",
           "PROXY TCP6 192.0.2.1 192.0.2.2 1 2",
           "PROXY TCP6 ::1%lo ::1 1 2",
           "PROXY tcp4 192.0.2.1 192.0.2.2 1 2",
           "PROXY UDP4 192.0.2.1 192.0.2.2 1 2",
           "PROXY TCP4",
           "PROXY ",
           "PROXY  TCP4 192.0.2.1 192.0.2.2 1 2",
           "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n",
           "PROXY TCP4\t192.0.2.1 192.0.2.2 1 2",
       }) {
    EXPECT_EQ(ParseProxyHeader(std::string(line) + "\r\n").state, State::kMalformed) << line;
  }
  const std::string zero("PROXY TCP4 192.0.2.1\0x 192.0.2.2 1 2\r\n", 38);
  EXPECT_EQ(ParseProxyHeader(zero).state, State::kMalformed);
}

TEST(ProxyHeaderTest, WhatBeginsOtherwiseIsMalformedAtOnce) {
  for (const char* const text : {"G", "GET / HTTP/1.1\r\n", "PROXy", "\r\nX", "\x16\x03\x01"}) {
    EXPECT_EQ(ParseProxyHeader(text).state, State::kMalformed) << text;
  }
  EXPECT_EQ(ParseProxyHeader("").state, State::kIncomplete);
}

TEST(ProxyHeaderTest, BinaryNamesTheClient) {
  const auto v4 = ParseWhole(Binary(0x21, 0x11, kTcp4Body));
  EXPECT_EQ(v4.state, State::kComplete);
  EXPECT_EQ(ClientOf(v4), "192.0.2.1:50000");
  const std::string addresses(
      "\x20\x01\x0D\xB8\0\0\0\0\0\0\0\0\0\0\0\1"
      "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1"
      "\xFF\xFF\x0F\xA0",
      36);
  const auto v6 = ParseWhole(Binary(0x21, 0x21, addresses));
  EXPECT_EQ(v6.state, State::kComplete);
  EXPECT_EQ(ClientOf(v6), "2001:db8::1:65535");
}

TEST(ProxyHeaderTest, FurtherFactsAreSkippedUpToABound) {
  const std::string body(kTcp4Body);
  const size_t room = kMaxProxyHeader - kSignature.size() - 4 - body.size();
  EXPECT_EQ(ClientOf(ParseWhole(Binary(0x21, 0x11, body + std::string(room, 'x')))),
            "192.0.2.1:50000");
  EXPECT_EQ(ParseProxyHeader(Binary(0x21, 0x11, body + std::string(room + 1, 'x'))).state,
            State::kMalformed);
  // It is known from the length, before the rest has come.
  EXPECT_EQ(ParseProxyHeader(Binary(0x21, 0x11, std::string(65535, 'x')).substr(0, 16)).state,
            State::kMalformed);
}

TEST(ProxyHeaderTest, AProxysOwnConnectionNamesNobody) {
  for (const std::string& header :
       {Binary(0x20, 0x00, ""), Binary(0x20, 0x11, kTcp4Body), Binary(0x20, 0x99, "x"),
        Binary(0x21, 0x00, ""), Binary(0x21, 0x00, "xyz"),
        Binary(0x21, 0x31, std::string(216, 'x'))}) {
    const auto parsed = ParseWhole(header);
    EXPECT_EQ(parsed.state, State::kComplete);
    EXPECT_EQ(ClientOf(parsed), "-");
  }
}

TEST(ProxyHeaderTest, BinaryThatMeansSomethingElseIsMalformed) {
  for (const std::string& header : {
           Binary(0x11, 0x11, kTcp4Body),                // version 1
           Binary(0x31, 0x11, kTcp4Body),                // version 3
           Binary(0x22, 0x11, kTcp4Body),                // a command that does not exist
           Binary(0x21, 0x12, kTcp4Body),                // datagrams
           Binary(0x21, 0x41, kTcp4Body),                // a family that does not exist
           Binary(0x21, 0x11, kTcp4Body.substr(0, 11)),  // shorter than its addresses
           Binary(0x21, 0x21, kTcp4Body),                // likewise
           Binary(0x21, 0x31, std::string(215, 'x')),    // likewise
       }) {
    EXPECT_EQ(ParseProxyHeader(header).state, State::kMalformed);
  }
}

}  // namespace
}  // namespace fsubs
