#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/error.hpp"
#include "daemon/records/dns_name.hpp"

/// Numbers and names on the wire, as signatures need them: they cover bytes, not what ldns reads from them.
namespace decom::dns::wire {

inline std::uint16_t u16_at(std::string_view bytes, std::size_t at) {
  if (at + 2 > bytes.size()) throw Error{ErrorCode::protocol, "the DNS server's answer is cut off"};
  return static_cast<std::uint16_t>(static_cast<unsigned char>(bytes[at]) << 8 |
                                    static_cast<unsigned char>(bytes[at + 1]));
}

/// A name of our own (no escapes in it), uncompressed.
inline std::string bytes_of(const Name& name) {
  std::string out;
  const std::string& text = name.text();
  for (std::size_t start = 0; start + 1 < text.size();) {
    const std::size_t end = text.find('.', start);
    out += static_cast<char>(end - start);
    out.append(text, start, end - start);
    start = end + 1;
  }
  return out + '\0';
}

class Writer {
 public:
  void u16(std::size_t value) {
    out_ += static_cast<char>(value >> 8 & 0xff);
    out_ += static_cast<char>(value & 0xff);
  }
  void u32(std::uint32_t value) {
    u16(value >> 16);
    u16(value & 0xffff);
  }
  void u48(std::uint64_t value) {
    u16(value >> 32 & 0xffff);
    u32(static_cast<std::uint32_t>(value));
  }
  void bytes(std::string_view value) { out_ += value; }
  void name(const Name& value) { out_ += bytes_of(value); }
  /// Two bytes of length, then the bytes.
  void sized(std::string_view value) {
    u16(value.size());
    out_ += value;
  }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

/// Reads what came from outside; throws `protocol` at its end.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  std::uint16_t u16() {
    const std::uint16_t value = u16_at(bytes_, at_);
    at_ += 2;
    return value;
  }
  std::uint32_t u32() {
    const std::uint32_t high = u16();
    return high << 16 | u16();
  }
  std::uint64_t u48() {
    const std::uint64_t high = u16();
    return high << 32 | u32();
  }
  void skip(std::size_t count) { (void)bytes(count); }
  std::string bytes(std::size_t count) {
    if (count > bytes_.size() - at_) throw Error{ErrorCode::protocol, "the DNS server's answer is cut off"};
    at_ += count;
    return std::string{bytes_.substr(at_ - count, count)};
  }
  void skip_name() {
    for (;;) {
      const unsigned char size = static_cast<unsigned char>(bytes(1)[0]);
      if (size >= 0xc0) return skip(1);  // a pointer ends a name (RFC 1035 4.1.4)
      if (size == 0) return;
      skip(size);
    }
  }
  /// The bytes of a name, its pointers followed.
  std::string plain_name() {
    std::string out;
    std::size_t back = 0;
    for (int jumps = 0;;) {
      const unsigned char size = static_cast<unsigned char>(bytes(1)[0]);
      if (size >= 0xc0) {
        const std::size_t target = (size & 0x3fU) << 8 | static_cast<unsigned char>(bytes(1)[0]);
        if (back == 0) back = at_;
        if (++jumps > 32 || target >= bytes_.size())
          throw Error{ErrorCode::protocol, "a name in the DNS server's answer is malformed"};
        at_ = target;
        continue;
      }
      out += static_cast<char>(size);
      if (size == 0) break;
      if (out.size() > 255) throw Error{ErrorCode::protocol, "a name in the DNS server's answer is malformed"};
      out += bytes(size);
    }
    if (back != 0) at_ = back;
    return out;
  }
  [[nodiscard]] std::size_t position() const { return at_; }

 private:
  std::string_view bytes_;
  std::size_t at_ = 0;
};

}  // namespace decom::dns::wire
