#include "worker/socket/ws_receiver.hpp"

// WebSocket++ takes these from Boost otherwise.
#define _WEBSOCKETPP_CPP11_STL_

#include <websocketpp/close.hpp>
#include <websocketpp/extensions/permessage_deflate/disabled.hpp>
#include <websocketpp/http/request.hpp>
#include <websocketpp/http/response.hpp>
#include <websocketpp/message_buffer/message.hpp>
#include <websocketpp/processors/hybi13.hpp>
#include <websocketpp/random/none.hpp>

#include "worker/socket/close_code.hpp"

namespace fsubs {
namespace {

namespace opcode = websocketpp::frame::opcode;

// Room that a message gets before its bytes have come, whatever length it announces.
constexpr size_t kMessageReserve = 512;

// Makes the messages of all connections; it has no state.
template <typename Message>
class Messages {
 public:
  using ptr = std::shared_ptr<Messages>;
  using weak_ptr = std::weak_ptr<Messages>;

  typename Message::ptr get_message(opcode::value op, size_t size) {
    return std::make_shared<Message>(ptr(), op, std::min(size, kMessageReserve));
  }
  bool recycle(Message*) { return false; }
};

struct Config {
  using request_type = websocketpp::http::parser::request;
  using response_type = websocketpp::http::parser::response;
  using message_type = websocketpp::message_buffer::message<Messages>;
  using con_msg_manager_type = Messages<message_type>;
  using rng_type = websocketpp::random::none::int_generator<uint32_t>;
  struct permessage_deflate_config {
    using request_type = Config::request_type;
  };
  using permessage_deflate_type =
      websocketpp::extensions::permessage_deflate::disabled<permessage_deflate_config>;
  static constexpr bool enable_extensions = false;
  static constexpr size_t max_message_size = 0;  // set for every call
};

Config::con_msg_manager_type::ptr SharedMessages() {
  static const auto messages = std::make_shared<Config::con_msg_manager_type>();
  return messages;
}

// A server makes no masks.
Config::rng_type no_random;

}  // namespace

struct WsReceiver::Library {
  websocketpp::processor::hybi13<Config> processor{false, true, SharedMessages(), no_random};
};

WsReceiver::WsReceiver() : library_(std::make_unique<Library>()) {}

WsReceiver::~WsReceiver() = default;

WsReceiver::Event WsReceiver::Next(std::span<unsigned char>* bytes, size_t max_message,
                                   std::string* payload) {
  auto& processor = library_->processor;
  processor.set_max_message_size(max_message);
  std::error_code error;
  const size_t read = processor.consume(bytes->data(), bytes->size(), error);
  *bytes = bytes->subspan(read);
  // WebSocket++ adds a fragment's length to what is there without minding an overflow.
  if (error == websocketpp::processor::error::message_too_big ||
      (!processor.ready() && processor.get_bytes_needed() > max_message)) {
    return Event::kTooBig;
  }
  if (error == websocketpp::processor::error::invalid_utf8) return Fail(kCloseInvalidPayload);
  if (error) return Fail(kCloseProtocolError);
  return processor.ready() ? OnMessage(payload) : Event::kNothing;
}

WsReceiver::Event WsReceiver::OnMessage(std::string* payload) {
  const auto message = library_->processor.get_message();
  *payload = std::move(message->get_raw_payload());
  switch (message->get_opcode()) {
    case opcode::text:
      return Event::kText;
    case opcode::binary:
      return Event::kBinary;
    case opcode::ping:
      return Event::kPing;
    case opcode::pong:
      return Event::kPong;
    default:
      return OnClose(*payload);
  }
}

WsReceiver::Event WsReceiver::OnClose(const std::string& payload) {
  std::error_code error;
  code_ = websocketpp::close::extract_code(payload, error);
  if (error) return Fail(kCloseProtocolError);
  (void)websocketpp::close::extract_reason(payload, error);
  if (error) return Fail(kCloseInvalidPayload);
  return Event::kClose;
}

WsReceiver::Event WsReceiver::Fail(uint16_t code) {
  code_ = code;
  return Event::kFailed;
}

}  // namespace fsubs
