#include "src/capture/utf8.hpp"

namespace fsubs {
namespace {

// Bytes that are converted at a time. The result of a whole text might pass the largest allocation.
constexpr int kSlice = 64 * 1024;

bool IsAscii(const char* text, size_t length) {
  uint64_t bits = 0;
  for (; length >= sizeof(bits); text += sizeof(bits), length -= sizeof(bits)) {
    uint64_t word;
    memcpy(&word, text, sizeof(word));
    bits |= word;
  }
  for (; length > 0; ++text, --length) bits |= static_cast<unsigned char>(*text);
  return (bits & 0x8080808080808080) == 0;
}

bool Convert(StringInfo out, int start, Oid conversion) {
  const int length = out->len - start;
  const int slice = length < kSlice ? length : kSlice;
  const int room = slice * MAX_CONVERSION_GROWTH + 1;
  unsigned char* const converted = static_cast<unsigned char*>(palloc(room));
  StringInfoData result;
  initStringInfo(&result);
  for (int done = 0; done < length;) {
    const int rest = length - done;
    // A character that the slice ends in waits for the next one.
    const int consumed =
        pg_do_encoding_conversion_buf(conversion, GetDatabaseEncoding(), PG_UTF8,
                                      reinterpret_cast<unsigned char*>(out->data + start + done),
                                      rest < slice ? rest : slice, converted, room, true);
    if (consumed <= 0) return false;
    appendStringInfoString(&result, reinterpret_cast<char*>(converted));
    done += consumed;
  }
  out->len = start;
  appendBinaryStringInfo(out, result.data, result.len);
  pfree(result.data);
  pfree(converted);
  return true;
}

}  // namespace

Oid FindUtf8Conversion() {
  const int encoding = GetDatabaseEncoding();
  if (encoding == PG_UTF8 || encoding == PG_SQL_ASCII) return InvalidOid;
  return FindDefaultConversion(PG_CATALOG_NAMESPACE, encoding, PG_UTF8);
}

bool TailToUtf8(StringInfo out, int start, Oid conversion) {
  const char* const tail = out->data + start;
  const int length = out->len - start;
  if (IsAscii(tail, length)) return true;
  const int encoding = GetDatabaseEncoding();
  // What output functions write is not always valid, not even in a database in UTF-8: a value of
  // type "char" may be half a character.
  if (encoding == PG_UTF8 || encoding == PG_SQL_ASCII) {
    return pg_encoding_verifymbstr(PG_UTF8, tail, length) == length;
  }
  return OidIsValid(conversion) && Convert(out, start, conversion);
}

}  // namespace fsubs
