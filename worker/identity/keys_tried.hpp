// What came of looking for the keys of a URL.
#pragma once

namespace fsubs {

enum class KeysTried {
  kFetched,   // those that are there are as new as can be had
  kFailed,    // they could not be fetched: there may be newer ones
  kUnwanted,  // the URL is no issuer's any more
};

}  // namespace fsubs
